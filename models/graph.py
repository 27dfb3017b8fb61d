"""The graph of an added model (OpenVINO): its input, and its end cut into features and a head.

Walks back from the output over dense layers to the pooling: what is before is a backbone like our
own, what is after a `DenseHead`. Without a dense layer the rows are logarithms of the scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.passes import ConstantFolding, Manager
from openvino.preprocess import ColorFormat, PrePostProcessor, ResizeAlgorithm

from core.config import PHOTO_SIZE
from core.errors import ModelRefused
from models.backbone import Precision, Preprocessing, compile_model, stream_output
from models.dense import DenseHead

GRAPH_FILE = "graph.xml"

Convention = tuple[bool, tuple[float, ...], tuple[float, ...]]
"""Whether blue comes first, then the mean and the scale of each channel in that order."""

CONVENTIONS: Mapping[Preprocessing, Convention] = {
    "plain": (False, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "unit": (False, (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "signed": (False, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "imagenet": (False, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "resnet": (True, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
}
"""The usual ways of preprocessing.

Source: keras.applications.imagenet_utils.preprocess_input, modes tf, torch and caffe.
"""

Ending = Literal["softmax", "sigmoid", "none"]
"""What the outputs are: probabilities that sum to 1, ones that do not, or logits."""
_SMALLEST, _NEAR_ONE, _BATCH = 1e-7, 1e-2, 8
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


@dataclass(frozen=True)
class Input:
    """The input of a model: photos of one size, with 3 channels or 1, which may come first."""

    height: int
    width: int
    channels: int
    channels_first: bool

    @property
    def shape(self) -> ov.PartialShape:
        """The shape of a batch of any size."""
        places = [self.height, self.width]
        if self.channels_first:
            return ov.PartialShape([-1, self.channels, *places])
        return ov.PartialShape([-1, *places, self.channels])


@dataclass(frozen=True, eq=False)
class Parts:
    """A graph in two parts: the network up to the features, and the head."""

    graph: ov.Model
    """Its outputs are the rows, then the map (n, h, w, c), if there is one."""
    head: DenseHead
    has_map: bool
    has_features: bool
    """False: the rows are logarithms of the scores."""


def find_input(graph: ov.Model) -> Input:
    """Return the input of the model.

    Raises:
        ModelRefused: It is not a photo.
    """
    shape = graph.input(0).partial_shape
    known = [
        (shape[axis].get_length() if shape[axis].is_static else 0) for axis in range(len(shape))
    ]
    first = len(known) == 4 and known[1] in (1, 3) and known[3] not in (1, 3)
    if len(known) == 4 and (first or known[3] in (1, 3)):
        height, width, channels = (known[2], known[3], known[1]) if first else known[1:]
        return Input(height or PHOTO_SIZE, width or PHOTO_SIZE, channels, first)
    axes = ", ".join(str(size or "?") for size in known)
    raise ModelRefused(
        f"The input of the model is ({axes}), not a batch of photos.",
        "Save a model whose input is (batch, height, width, 3), or (batch, 3, height, width).",
    )


def preprocess(graph: ov.Model, entry: Input, convention: Preprocessing) -> ov.Model:
    """Return the model for packed photos (n, 224, 224, 3) uint8 RGB, preprocessed inside."""
    graph = graph.clone()
    graph.reshape(entry.shape)
    steps = PrePostProcessor(graph)
    photos = steps.input()
    photos.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    photos.tensor().set_shape([-1, PHOTO_SIZE, PHOTO_SIZE, 3])
    photos.model().set_layout(ov.Layout("NCHW" if entry.channels_first else "NHWC"))
    todo = photos.preprocess().convert_element_type(ov.Type.f32)
    blue_first, mean, scale = CONVENTIONS[convention]
    if entry.channels == 1:
        photos.tensor().set_color_format(ColorFormat.RGB)
        todo = todo.convert_color(ColorFormat.GRAY)
        mean, scale = mean[1:2], scale[1:2]
    elif blue_first:
        todo = todo.reverse_channels()
    if (entry.height, entry.width) != (PHOTO_SIZE, PHOTO_SIZE):
        todo = todo.resize(ResizeAlgorithm.RESIZE_LINEAR)
    todo.mean(list(mean)).scale(list(scale))
    built = steps.build()
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(built)
    return built


def preprocess_photos(photos: np.ndarray, entry: Input, convention: Preprocessing) -> np.ndarray:
    """Return photos (n, 224, 224, 3) uint8 as the input of the model, float32."""
    same = ops.parameter(entry.shape, ov.Type.f32)
    graph = preprocess(ov.Model([ops.result(same)], [same], "photos"), entry, convention)
    inputs: np.ndarray = ov.compile_model(graph, "CPU", _EXACT)(photos)[0]
    return inputs


def find_ending(graph: ov.Model, outputs: np.ndarray) -> Ending:
    """Return what the outputs (n, k) of a model are, by its last layer, else by their values."""
    kind = _find_last(graph).get_type_name()
    if kind in ("Softmax", "LogSoftmax", "Sigmoid"):
        return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(kind, "none")  # type: ignore[return-value]
    if outputs.min() < 0 or outputs.max() > 1:
        return "none"
    return "softmax" if np.allclose(outputs.sum(axis=1), 1, atol=_NEAR_ONE) else "sigmoid"


def to_scores(outputs: np.ndarray, ending: Ending) -> np.ndarray:
    """Return the scores (n, k) of outputs; a single output is the score of the second of two."""
    values = outputs.astype(np.float64)
    if ending == "none":
        values = np.hstack([np.zeros_like(values), values]) if values.shape[1] == 1 else values
        values = np.exp(values - values.max(axis=1, keepdims=True))
    elif values.shape[1] == 1:
        values = np.hstack([1 - values, values])
    return np.asarray(values / np.maximum(values.sum(axis=1, keepdims=True), _SMALLEST))


def _find_last(graph: ov.Model) -> ov.Node:
    return _skip(graph.output(0).get_node().input_value(0).get_node())


def cut(graph: ov.Model, ending: Ending) -> Parts:
    """Return the parts of a model with k outputs (n, k), or one for two classes."""
    last = _find_last(graph)
    kind = last.get_type_name()
    if kind in ("Softmax", "LogSoftmax") or (kind == "Sigmoid" and _width(last) == 1):
        last, ending = _skip(last.input_value(0).get_node()), "none"
    layers, before = _read_layers(last) if ending == "none" else ([], last)
    if layers:
        pooled = _find_map(before)
        outputs = [_flatten(before)] + ([pooled] if pooled is not None else [])
        kept = ov.Model(outputs, graph.get_parameters(), "added")
        return Parts(kept, _make_head(layers), pooled is not None, True)
    rows = _flatten(last)
    if ending != "none":
        if _width(last) == 1:
            rows = ops.concat([ops.subtract(np.float32(1), rows), rows], 1)
        rows = ops.log(ops.maximum(rows, np.float32(_SMALLEST)))
    width = _width(rows)
    kept = ov.Model([rows], graph.get_parameters(), "added")
    return Parts(kept, _make_head([(np.eye(width), np.zeros(width))]), False, False)


Layer = tuple[np.ndarray, np.ndarray]


def _read_layers(node: ov.Node) -> tuple[list[Layer], ov.Node]:
    """Return the dense layers that end at a node, first to last, and the node before them."""
    layers: list[Layer] = []
    while True:
        layer, before = _read_layer(node)
        if layer is None:
            return layers, node
        layers.insert(0, layer)
        if before.get_type_name() != "Relu":
            return layers, before
        hidden = _skip(before.input_value(0).get_node())
        if _read_layer(hidden)[0] is None:
            return layers, before  # the features are rectified
        node = hidden


def _read_layer(node: ov.Node) -> tuple[Layer | None, ov.Node]:
    """Return the linear layer that ends at a node, if any, and the node before it.

    Sums and products with constants, such as a normalisation, are part of it.
    """
    width = _width(node)
    kernel, bias, is_dense = np.eye(width), np.zeros(width), False
    while (step := _read_step(node, len(kernel))) is not None:
        kind, constant, node = step
        is_dense = is_dense or kind == "MatMul"
        if kind == "MatMul":
            kernel = constant @ kernel
        elif kind == "Add":
            bias = bias + constant @ kernel
        else:
            kernel = constant[:, None] * kernel
    return ((kernel, bias) if is_dense else None), node


def _read_step(node: ov.Node, width: int) -> tuple[str, np.ndarray, ov.Node] | None:
    """Return MatMul, Add or Multiply, its constant, and the node before; None: another one."""
    kind = node.get_type_name()
    if node.get_input_size() != 2:
        return None
    operands = [node.input_value(place).get_node() for place in (0, 1)]
    values = [_read_constant(one) for one in operands]
    place = 0 if values[1] is None else 1
    constant = values[place]
    if constant is None or (place == 0 and kind not in ("Add", "Multiply")):
        return None
    before = _skip(operands[1 - place])
    if kind == "MatMul" and constant.ndim == 2:
        turned = node.get_attributes()["transpose_b"]
        return kind, (constant.T if turned else constant), before
    if constant.size not in (1, width):
        return None
    vector = np.broadcast_to(constant.ravel(), (width,))
    same = {"Add": ("Add", vector), "Multiply": ("Multiply", vector)}
    with np.errstate(divide="ignore"):
        same |= {"Subtract": ("Add", -vector), "Divide": ("Multiply", 1 / vector)}
    return (*same[kind], before) if kind in same else None


def _make_head(layers: list[Layer]) -> DenseHead:
    """Return the head; the single output of two classes becomes the second of two."""
    if layers[-1][0].shape[1] == 1:
        kernel, bias = layers[-1]
        both = np.hstack([np.zeros_like(kernel), kernel]), np.array([0.0, bias[0]])
        layers = [*layers[:-1], both]
    width = len(layers[0][0])
    return DenseHead(
        kernels=tuple(kernel.astype(np.float32) for kernel, _ in layers),
        biases=tuple(bias.astype(np.float32) for _, bias in layers),
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
    )


def _read_constant(node: ov.Node) -> np.ndarray | None:
    """Return the value of a constant, also behind a conversion of its type; None: not constant."""
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    return np.asarray(node.get_data(), np.float64)


_SHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "Convert")


def _width(node: ov.Node) -> int:
    """Return the numbers of a photo's row."""
    shape = node.output(0).partial_shape
    sizes = [shape[axis] for axis in range(1, len(shape))]
    return int(np.prod([size.get_length() for size in sizes])) if sizes else 1


def _is_row(node: ov.Node) -> bool:
    """Return whether a photo has a row of numbers there: one axis longer than 1."""
    shape = node.output(0).partial_shape
    sizes = [shape[axis] for axis in range(1, len(shape))]
    return all(size.is_static for size in sizes) and (
        sum(size.get_length() > 1 for size in sizes) <= 1
    )


def _skip(node: ov.Node) -> ov.Node:
    """Return the node before all that only change the shape of rows."""
    while node.get_type_name() in _SHAPES:
        before = node.input_value(0).get_node()
        if not _is_row(before) or before.get_type_name() == "Parameter":
            break
        node = before
    return node


def _flatten(node: ov.Node) -> ov.Node:
    """Return the rows (n, w) float32 of a node."""
    rows = ops.reshape(node, np.array([-1, _width(node)]), special_zero=False)
    return ops.convert(rows, "f32")


def _find_map(rows: ov.Node) -> ov.Node | None:
    """Return the map (n, h, w, c) whose mean the rows are; None without one."""
    kind, source = rows.get_type_name(), None
    if kind == "ReduceMean":
        axes = _read_constant(rows.input_value(1).get_node())
        places = rows.input_value(0).get_node()
        shape = places.output(0).partial_shape
        if axes is not None and len(shape) == 4:
            source = tuple(sorted(int(axis) % 4 for axis in axes.ravel()))
    elif kind == "AvgPool":
        places, source = rows.input_value(0).get_node(), (2, 3)
        if [int(size) for size in rows.get_attributes()["kernel"]] != _sides(places):
            return None
    if source == (1, 2):
        return ops.convert(places, "f32")
    if source == (2, 3):
        return ops.convert(ops.transpose(places, np.array([0, 2, 3, 1])), "f32")
    return None


def _sides(node: ov.Node) -> list[int]:
    shape = node.output(0).partial_shape
    return [shape[axis].get_length() if shape[axis].is_static else 0 for axis in (2, 3)]


def run_network(graph: ov.Model, photos: np.ndarray, precision: Precision) -> np.ndarray:
    """Return the output (m, k) of a network for packed photos.

    Raises:
        ModelRefused: The network takes one photo at a time, or photos of another size.
    """
    try:
        network = compile_model(graph, precision, "throughput")
        batches = (photos[start : start + _BATCH] for start in range(0, len(photos), _BATCH))
        found = min(network.outputs, key=lambda output: len(output.shape))
        rows = np.concatenate(list(stream_output(network, found, batches)))
    except (RuntimeError, ValueError) as error:
        raise ModelRefused(
            f"The model does not accept a batch of photos: {' '.join(str(error).split())[:300]}",
            "Export it with a batch of any size: torch.onnx.export(…, "
            "dynamic_axes={'photos': {0: 'n'}}, input_names=['photos']).",
        ) from error
    return rows.reshape(len(photos), -1)
