"""The full model in Keras: photos uint8 RGB → scores, with preprocessing.

Its weights are read from the OpenVINO network, so that it gives the same scores.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import openvino as ov

from core.config import PHOTO_SIZE
from core.errors import BackboneMissing
from models.backbone import BackboneFacts
from models.dense import DenseHead
from models.head import add_head, set_dense_head
from models.keras_backbone import build_network, preprocess
from models.plan import HeadShape
from models.weights_file import STACKS

CONVOLUTIONS = 53


class Convolution(NamedTuple):
    """A convolution with its BatchNorm folded in."""

    kernel: np.ndarray
    """(height, width, inputs, outputs) float32."""
    bias: np.ndarray
    """(outputs,) float32."""


def build_full_model(network_file: Path, facts: BackboneFacts, head: DenseHead) -> keras.Model:
    """Return the model photos (n, 224, 224, 3) uint8 RGB → scores (n, k) float32.

    Raises:
        BackboneMissing: The file has another network.
    """
    resnet = build_network()
    convolutions = read_convolutions(network_file)
    kinds = {node.get_type_name() for node in ov.Core().read_model(network_file).get_ordered_ops()}
    if facts.preprocessing == "unit" and kinds.isdisjoint({"Multiply", "Divide"}):
        # The division by 255 is folded into the first kernel.
        first = convolutions["conv1_conv"]
        convolutions["conv1_conv"] = Convolution(first.kernel * 255, first.bias)
    for layer in resnet.layers:  # BatchNorm, folded into the kernels, becomes the identity
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(convolutions[layer.name].kernel)
            layer.bias.assign(convolutions[layer.name].bias)
        elif isinstance(layer, keras.layers.BatchNormalization):
            variance = layer.moving_variance
            variance.assign(keras.ops.full_like(variance, 1 - layer.epsilon))
    resnet.trainable = False
    photos = keras.Input((PHOTO_SIZE, PHOTO_SIZE, 3), dtype="uint8", name="photos")
    maps = resnet(preprocess(keras.ops.cast(photos, "float32"), facts.preprocessing))
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(maps)
    hidden = tuple(bias.size for bias in head.biases[:-1])
    head_shape = HeadShape(hidden=hidden, dropout=0.0, n_classes=head.biases[-1].size)
    model = keras.Model(photos, add_head(pooled, head_shape, (head.mean, head.scale), 0))
    set_dense_head(model, head)
    return model


def read_convolutions(network_file: Path) -> dict[str, Convolution]:
    """Return layer name ("conv2_block1_0_conv") → convolution of a network file.

    Raises:
        BackboneMissing: The file has another network.
    """
    network = ov.Core().read_model(network_file)
    nodes = [node for node in network.get_ordered_ops() if node.get_type_name() == "Convolution"]
    if len(nodes) != CONVOLUTIONS:
        raise BackboneMissing(
            f"The network {network_file} is not ResNet-50: it has {len(nodes)} convolutions.",
            "Train the same recipe again: this makes its backbone again.",
            file=str(network_file),
        )
    return {name: _read_convolution(node) for name, node in _name_nodes(nodes)}


def _name_nodes(nodes: list[ov.Node]) -> Iterator[tuple[str, ov.Node]]:
    """Yield Keras' name of each convolution; `nodes` in the order of computation."""
    yield "conv1_conv", nodes[0]
    rest = iter(nodes[1:])
    for stack, _, blocks in STACKS:
        for block in range(1, blocks + 1):
            own = [next(rest) for _ in range(4 if block == 1 else 3)]
            for place, node in _order_block(own):
                yield f"conv{stack}_block{block}_{place}_conv", node


def _order_block(own: list[ov.Node]) -> Iterator[tuple[int, ov.Node]]:
    """Yield the place of each convolution in its block; 0 is the shortcut."""
    middle = next(node for node in own if node.input_value(1).get_node().shape[2] == 3)
    second = middle.get_friendly_name()
    first = _find_before(middle)
    last = next(node for node in own if _find_before(node) == second).get_friendly_name()
    places = {first: 1, second: 2, last: 3}
    for node in own:
        yield places.get(node.get_friendly_name(), 0), node


def _find_before(node: ov.Node) -> str:
    """Return the name of the convolution just before this one, else ""."""
    before = node.input_value(0).get_node()
    while before.get_type_name() in ("Relu", "Add"):
        if before.get_type_name() == "Add" and not _is_constant(before, 1):
            return ""  # the end of a block
        before = before.input_value(0).get_node()
    return str(before.get_friendly_name()) if before.get_type_name() == "Convolution" else ""


def _is_constant(node: ov.Node, place: int) -> bool:
    return str(node.input_value(place).get_node().get_type_name()) == "Constant"


def _read_convolution(node: ov.Node) -> Convolution:
    kernel = np.array(node.input_value(1).get_node().data, np.float32).transpose(2, 3, 1, 0)
    (after,) = (place.get_node() for place in node.output(0).get_target_inputs())
    has_bias = after.get_type_name() == "Add" and _is_constant(after, 1)
    bias = after.input_value(1).get_node().data.ravel() if has_bias else np.zeros(kernel.shape[3])
    return Convolution(kernel=np.ascontiguousarray(kernel), bias=np.array(bias, np.float32))
