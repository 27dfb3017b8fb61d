"""The process that opens a model of another program: `python -m models.foreign FILE FOLDER [WAY]`.

It writes the model as graph.xml (OpenVINO, with the input that the model has); with a way of
preprocessing the framework's own answers to the folder's probes.npy, as answers.npy, instead.
models/opening.py starts it; its time and memory are limited. It prints problem and remedy of a
refusal as JSON.
"""

import importlib
import json
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from core.errors import ModelRefused
from models.backbone import Preprocessing
from models.graph import GRAPH_FILE, find_input, preprocess, preprocess_photos, run_network

PROBES_FILE, ANSWERS_FILE = "probes.npy", "answers.npy"
_MOST_MEMORY = 8 * 2**30
"""Bytes of address space; with TensorFlow and ResNet-50 the process has 3 GB."""
_MOST_UNPACKED = 2 * 10**9
_OPERATIONS = {"nn.bias_add", "cast", "__operators__.add", "__operators__.getitem"}
_OPERATIONS |= {f"math.{name}" for name in ("add", "subtract", "multiply", "truediv")}
"""Operations of TensorFlow that Keras 2 wrote for preprocessing."""

Answer = Callable[[np.ndarray], np.ndarray]


def open_file(file: Path, folder: Path, convention: Preprocessing | None = None) -> None:
    """Write the graph of a model file, or its answers to photos preprocessed in one way.

    The probes are photos (n, 224, 224, 3) uint8, the answers (n, k) float32. ONNX files get none
    where onnxruntime is not installed.

    Raises:
        ModelRefused: The file cannot be opened without running its code, or has no photo as input.
    """
    graph, answer = _open_onnx(file) if file.suffix == ".onnx" else _open_keras(file)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelRefused(
            f"The model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs. It needs "
            "one input (photos) and one output (a row of scores).",
            "Save a model with one of each: keras.Model(model.inputs[0], model.outputs[0]).",
        )
    entry = find_input(graph)
    if convention is None:
        # Run here first, where memory is limited.
        run_network(preprocess(graph, entry, "plain"), np.zeros((2, 224, 224, 3), np.uint8), "f32")
        ov.save_model(graph, folder / GRAPH_FILE, compress_to_fp16=False)
    elif answer is not None:
        probes = np.load(folder / PROBES_FILE, allow_pickle=False)
        answers = answer(preprocess_photos(probes, entry, convention))
        np.save(folder / ANSWERS_FILE, answers.astype(np.float32))


def _open_keras(file: Path) -> tuple[ov.Model, Answer]:
    version, config = _read_config(file)
    _check_layers(config)
    # Keras 3 cannot read many files of Keras 2, which lives on as tf_keras.
    keras = importlib.import_module("keras" if version.startswith("3") else "tf_keras")
    import tensorflow as tf

    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
        spec = [tf.TensorSpec(one.shape, one.dtype) for one in model.inputs]
        call = tf.function(lambda *photos: model(*photos, training=False))
        graph = ov.convert_model(call.get_concrete_function(*spec))
    except MemoryError:
        raise
    except Exception as error:  # whatever Keras finds wrong in a file, it is refused
        said = " ".join(str(error).split())[:300]
        raise ModelRefused(
            f"Keras cannot open this file: {said}",
            "Layers of your own cannot be loaded. Export the model as ONNX, which needs no code: "
            "model.export('model.onnx', format='onnx').",
        ) from error
    return graph, lambda photos: np.asarray(model.predict_on_batch(photos))


def _read_config(file: Path) -> tuple[str, Any]:
    """Return the version of Keras and the configuration of the model in a file."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as content:
                if sum(one.file_size for one in content.infolist()) > _MOST_UNPACKED:
                    raise ValueError("unpacked it is larger than any model")
                about = json.loads(content.read("metadata.json"))
                return str(about.get("keras_version")), json.loads(content.read("config.json"))
        import h5py

        with h5py.File(file) as content:
            config = content.attrs.get("model_config")
            if config is None:
                raise ModelRefused(
                    "The file has weights, but no model.",
                    "Save the whole model: model.save('model.keras').",
                )
            return str(content.attrs.get("keras_version", "")), json.loads(config)
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelRefused(
            "The file is truncated, damaged or not a Keras model.",
            "Save it again: model.save('model.keras').",
        ) from error


def _check_layers(config: Any) -> None:
    """Refuse layers that are code, before Keras sees them."""
    for layer in _list_objects(config):
        name, settings = str(layer["class_name"]), layer.get("config")
        function = settings.get("function") if isinstance(settings, dict) else None
        if name in ("TFOpLambda", "SlicingOpLambda") and function in _OPERATIONS:
            continue
        if "Lambda" in name:
            raise ModelRefused(
                f"The model has a layer “{name}” ({str(function)[:40] or 'a function'}): code that "
                "would run on this machine. It was not run.",
                "Use a layer of Keras in its place, such as keras.layers.Rescaling(1 / 127.5, -1), "
                "or export the model as ONNX: model.export('model.onnx', format='onnx').",
            )


def _list_objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects with a class in a configuration."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _list_objects(one)


def _open_onnx(file: Path) -> tuple[ov.Model, Answer | None]:
    import onnx

    try:
        # Refuses data outside of the file's folder, unlike OpenVINO.
        content = onnx.load(file).SerializeToString()
        graph = ov.Core().read_model(content)
    except MemoryError:
        raise
    except Exception as error:  # ONNX, protobuf and OpenVINO have no common parent
        said = " ".join(str(error).split())[:300]
        raise ModelRefused(
            f"This ONNX file cannot be opened: {said}",
            "Export it again as one file: torch.onnx.export(…, external_data=False).",
        ) from error
    return graph, _open_runtime(content)


def _open_runtime(content: bytes) -> Answer | None:
    """Return the answers of onnxruntime; None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]

    def answer(photos: np.ndarray) -> np.ndarray:
        step = entry.shape[0] if isinstance(entry.shape[0], int) else len(photos)
        parts = (photos[start : start + step] for start in range(0, len(photos), step))
        return np.concatenate([session.run(None, {entry.name: part})[0] for part in parts])

    return answer


def main(file: str, folder: str, *convention: Preprocessing) -> None:
    """Open the file, and print the refusal if there is one."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    said: dict[str, str] = {}
    try:
        open_file(Path(file), Path(folder), *convention)
    except ModelRefused as error:
        said = {"problem": error.problem, "remedy": error.remedy}
    sys.stdout.write(f"\n{json.dumps(said)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
