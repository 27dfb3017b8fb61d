"""The formats that a model can be exported in, and what each needs to be written and read."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_args

Format = Literal["keras", "savedmodel", "onnx", "litert", "openvino"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, kw_only=True)
class FormatFacts:
    """What people want to know of a format."""

    label: str
    path: str
    """Where the model stands in the zip."""
    purpose: str
    reads: str
    """What whoever uses it installs."""
    extras: tuple[str, ...] = ()
    """Packages beyond those of the program that writing it needs."""


FACTS: dict[str, FormatFacts] = {
    "keras": FormatFacts(
        label="Keras",
        path="keras/model.keras",
        purpose="Keras 3, also to train it further",
        reads="tensorflow keras",
    ),
    "savedmodel": FormatFacts(
        label="SavedModel",
        path="savedmodel/1",
        purpose="TensorFlow Serving, and TensorFlow without Keras",
        reads="tensorflow",
    ),
    "onnx": FormatFacts(
        label="ONNX",
        path="onnx/model.onnx",
        purpose="ONNX Runtime in most languages, also in a browser",
        reads="onnxruntime",
        extras=("onnx",),
    ),
    "litert": FormatFacts(
        label="LiteRT",
        path="litert/model.tflite",
        purpose="phones and small devices (formerly TensorFlow Lite)",
        reads="ai-edge-litert",
    ),
    "openvino": FormatFacts(
        label="OpenVINO",
        path="openvino/model.xml",
        purpose="CPUs, fast: what this program answers with",
        reads="openvino",
    ),
}


def list_missing(name: str) -> list[str]:
    """Returns the packages that writing this format needs and that are not installed."""
    return [package for package in FACTS[name].extras if find_spec(package) is None]
