"""The full model in ONNX: the OpenVINO backbone, node by node, and the head.

Keras' export to ONNX (tf2onnx) takes 25 s and 7 GB for this network, this one takes a second.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

from core.config import PHOTO_SIZE
from core.errors import BackboneMissing
from models.backbone import BackboneFacts
from models.dense import DenseHead

_OPSET, _IR_VERSION = 17, 8
"""Versions of 2022, for ONNX Runtime 1.12 and later."""

_ALMOST_ZERO = 1e-30

_PAIRS = {"Add": "Add", "Multiply": "Mul", "Subtract": "Sub", "Divide": "Div"}

_OF_TENSORFLOW = {"StridedSlice", "Unsqueeze"}  # backbones that earlier versions made with it
_ORDERING = _OF_TENSORFLOW | {"Convert", "Concat", "Gather", "Reshape", "Squeeze", "Transpose"}
"""Nodes that only reorder axes and colours: done once at the start."""


def write_onnx(
    network_file: Path,
    facts: BackboneFacts,
    head: DenseHead,
    file: Path,
    known: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the ONNX model: "photos" → "scores".

    Args:
        known: Model of the training photos; with it the outputs include "distance", (n,).

    Raises:
        BackboneMissing: The network is not ResNet-50.
    """
    graph = _Graph()
    pooled = _copy_network(graph, ov.Core().read_model(network_file), facts)
    scores = _add_head(graph, pooled, head)
    shape: list[str | int | None] = ["n", PHOTO_SIZE, PHOTO_SIZE, 3]
    classes = head.biases[-1].size
    outputs = [helper.make_tensor_value_info(scores, TensorProto.FLOAT, ["n", classes])]
    if known is not None:
        distance = _add_distance(graph, pooled, known)
        outputs.append(helper.make_tensor_value_info(distance, TensorProto.FLOAT, ["n"]))
    content = helper.make_graph(
        graph.nodes,
        "petalscope",
        [helper.make_tensor_value_info("photos", TensorProto.UINT8, shape)],
        outputs,
        graph.constants,
    )
    model = helper.make_model(
        content,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="petalscope",
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))


class _Graph:
    """Nodes and named constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def keep(self, array: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _copy_network(graph: _Graph, network: ov.Model, facts: BackboneFacts) -> str:
    """Copy the nodes of the network and return the name of the features."""
    photos = graph.add("Cast", "photos", to=1)  # float32
    photos = graph.add("Transpose", photos, perm=[0, 3, 1, 2])
    if facts.preprocessing == "resnet":  # its colours are BGR
        photos = graph.add("Gather", photos, graph.keep(np.array([2, 1, 0])), axis=1)
    named: dict[str, str] = {}

    def find(node: ov.Node, place: int) -> str:
        before = node.input_value(place).get_node()
        if before.get_type_name() == "Constant":
            return graph.keep(before.data)
        while before.get_type_name() in _ORDERING:
            before = before.input_value(0).get_node()
        return named.get(before.get_friendly_name(), photos)

    nodes = network.get_ordered_ops()
    last = max((n for n, node in enumerate(nodes) if node.get_type_name() == "Relu"), default=-1)
    for number, node in enumerate(nodes):
        kind = node.get_type_name()
        if kind in _ORDERING or kind in ("Parameter", "Constant", "Result"):
            continue
        name = named[node.get_friendly_name()] = _copy_node(graph, node, find)
        if number == last:
            return graph.add("ReduceMean", name, axes=[2, 3], keepdims=0)
    raise _unknown("no activation")


def _copy_node(graph: _Graph, node: ov.Node, find: Callable[[ov.Node, int], str]) -> str:
    """Copy a node and return the name of its output; `find` names an input."""
    kind, facts = node.get_type_name(), node.get_attributes()
    if kind == "Relu":
        return graph.add(kind, find(node, 0))
    if kind in _PAIRS:
        return graph.add(_PAIRS[kind], find(node, 0), find(node, 1))
    if kind == "Pad":
        widths = [int(width) for place in (1, 2) for width in _read_constant(node, place)]
        # ONNX Runtime fuses a Pad of zeros into MaxPool, whose own border is minus infinity.
        value = np.maximum(_read_constant(node, 3), _ALMOST_ZERO).astype(np.float32).reshape(())
        return graph.add(kind, find(node, 0), graph.keep(np.array(widths)), graph.keep(value))
    if kind not in ("MaxPool", "Convolution"):
        raise _unknown(f"a node “{kind}”")
    window: dict[str, Any] = {
        "strides": list(facts["strides"]),
        "pads": [*facts["pads_begin"], *facts["pads_end"]],
    }
    if kind == "MaxPool":
        return graph.add(kind, find(node, 0), kernel_shape=list(facts["kernel"]), **window)
    return graph.add("Conv", find(node, 0), find(node, 1), **window)


def _read_constant(node: ov.Node, place: int) -> np.ndarray:
    return np.array(node.input_value(place).get_node().data)


def _add_head(graph: _Graph, features: str, head: DenseHead) -> str:
    """Return the name of the scores."""
    values = graph.add("Sub", features, graph.keep(head.mean))
    values = graph.add("Div", values, graph.keep(head.scale))
    for number, (kernel, bias) in enumerate(zip(head.kernels, head.biases, strict=True), 1):
        values = graph.add("MatMul", values, graph.keep(kernel))
        values = graph.add("Add", values, graph.keep(bias))
        if number < len(head.kernels):
            values = graph.add("Relu", values)
    return graph.add("Softmax", values, name="scores", axis=1)


def _add_distance(graph: _Graph, features: str, known: Mapping[str, np.ndarray]) -> str:
    """Return the name of the distances to the training photos (core/prediction/unlike.py)."""
    last = graph.keep(np.array([-1]))

    def square(values: str) -> str:
        return graph.add("Mul", values, values)

    def total(values: str) -> str:
        return graph.add("ReduceSum", values, last, keepdims=0)

    rows = graph.add("Unsqueeze", features, graph.keep(np.array([1])))
    apart = graph.add("Sub", rows, graph.keep(known["means"]))  # (n, classes, channels)
    along = square(graph.add("MatMul", apart, graph.keep(known["directions"])))
    outside = graph.add("Relu", graph.add("Sub", total(square(apart)), total(along)))
    outside = graph.add("Div", outside, graph.keep(known["rest"]))
    within = total(graph.add("Div", along, graph.keep(known["variances"])))
    nearest = graph.add("ReduceMin", graph.add("Add", within, outside), axes=[1], keepdims=0)
    channels = graph.keep(np.array(known["means"].shape[1], np.float32))
    return graph.add("Sqrt", graph.add("Div", nearest, channels), name="distance")


def _unknown(what: str) -> BackboneMissing:
    return BackboneMissing(
        f"The network cannot be exported to ONNX: it has {what}.",
        "Leave ONNX out, or train the same recipe again: this makes its backbone again.",
    )
