"""The full model in Keras (keras, tensorflow): photos uint8 RGB → scores, preprocessing inside.

Its weights are read back from the OpenVINO network, because that is the network that answers.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import openvino as ov
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from core.errors import BackboneMissing
from models.backbone import BackboneFacts
from models.catalogue.arrays import STACKS
from models.dense import DenseHead
from models.graphs import build_graph, cut_crops, join_crops, preprocess
from models.head import add_head, set_dense_head
from models.plan import HeadShape

KerasFormat = Literal["keras", "savedmodel", "litert"]
KERAS_FORMATS: tuple[KerasFormat, ...] = get_args(KerasFormat)

CONVOLUTIONS = 53


class Convolution(NamedTuple):
    """One convolution with the BatchNorm behind it."""

    kernel: np.ndarray
    """(height, width, inputs, outputs) float32, Keras' order."""
    bias: np.ndarray
    """(outputs,) float32."""


def build_full_model(network_file: Path, facts: BackboneFacts, head: DenseHead) -> keras.Model:
    """Return the model photos (n, 224, 224, 3) uint8 RGB → scores (n, k) float32.

    Raises:
        BackboneMissing: The file holds another network.
    """
    framing = facts.framing
    resnet = build_graph(facts.graph, framing.crop_side)
    convolutions = read_convolutions(network_file)
    if facts.preprocessing == "unit" and folds_scale(network_file):
        first = convolutions["conv1_conv"]
        convolutions["conv1_conv"] = Convolution(first.kernel * 255, first.bias)
    _set_convolutions(resnet, convolutions)
    _set_group_norms(resnet, network_file)
    resnet.trainable = False
    photos = keras.Input((framing.side, framing.side, 3), dtype="uint8", name="photos")
    crops = cut_crops(keras.ops.cast(photos, "float32"), framing)
    maps = join_crops(resnet(preprocess(crops, facts.preprocessing, facts.inputs)), framing)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(maps)
    hidden = tuple(bias.size for bias in head.biases[:-1])
    head_shape = HeadShape(hidden=hidden, dropout=0.0, n_classes=head.biases[-1].size)
    model = keras.Model(photos, add_head(pooled, head_shape, (head.mean, head.scale), 0))
    set_dense_head(model, head)
    return model


def _set_convolutions(resnet: keras.Model, convolutions: dict[str, Convolution]) -> None:
    """Set the kernels; BatchNorm, which is folded into them, becomes the identity.

    Where convolutions have no bias, it adds theirs.
    """
    for layer in resnet.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(convolutions[layer.name].kernel)
            if layer.use_bias:
                layer.bias.assign(convolutions[layer.name].bias)
        elif isinstance(layer, keras.layers.BatchNormalization):
            variance = layer.moving_variance
            variance.assign(keras.ops.full_like(variance, 1 - layer.epsilon))
            convolution = f"{layer.name.removesuffix('_bn')}_conv"
            if not resnet.get_layer(convolution).use_bias:
                layer.beta.assign(convolutions[convolution].bias)


def _set_group_norms(resnet: keras.Model, network_file: Path) -> None:
    """Set gammas and betas of the GroupNorms, which both networks compute in the same order."""
    ours = [one for one in resnet.layers if isinstance(one, keras.layers.GroupNormalization)]
    nodes = ov.Core().read_model(network_file).get_ordered_ops()
    theirs = [node for node in nodes if node.get_type_name() == "GroupNormalization"]
    for layer, node in zip(ours, theirs, strict=True):
        layer.gamma.assign(node.input_value(1).get_node().data)
        layer.beta.assign(node.input_value(2).get_node().data)


class KerasExport:
    """The full model, built once, written in several formats."""

    def __init__(self, network_file: Path, facts: BackboneFacts, head: DenseHead) -> None:
        self._model = build_full_model(network_file, facts, head)

    @cached_property
    def _frozen(self) -> Any:
        return freeze_model(self._model)

    def write(self, name: KerasFormat, path: Path) -> None:
        """Write the model to the path, whose folder is there."""
        if name == "keras":
            self._model.save(path)
        elif name == "savedmodel":
            write_saved_model(self._frozen, path)
        else:
            with TemporaryDirectory(dir=path.parent) as folder:
                write_saved_model(self._frozen, Path(folder))
                write_litert(Path(folder), path)


INPUT, OUTPUT = "photos", "scores"


def freeze_model(model: keras.Model) -> Any:
    """Return the model as a concrete function photos (n, side, side, 3) uint8 → scores (n, k)."""
    spec = tf.TensorSpec((None, *model.input.shape[1:]), tf.uint8, name=INPUT)

    def serve(photos: tf.Tensor) -> tf.Tensor:
        return tf.identity(model(photos, training=False), name=OUTPUT)

    concrete = tf.function(serve, input_signature=[spec]).get_concrete_function()
    return convert_variables_to_constants_v2(concrete)


def write_saved_model(frozen: Any, folder: Path) -> None:
    """Write a SavedModel with the signature “serving_default” into the folder."""
    spec = tf.TensorSpec(frozen.inputs[0].shape, tf.uint8, name=INPUT)
    module = tf.Module()
    module.serve = tf.function(lambda photos: {OUTPUT: frozen(photos)[0]}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=module.serve)


def write_litert(saved_model: Path, file: Path) -> None:
    """Write the LiteRT model of a SavedModel."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    file.write_bytes(converter.convert())


def read_convolutions(network_file: Path) -> dict[str, Convolution]:
    """Return layer name ("conv2_block1_0_conv") → convolution, of a backbone's network file.

    Raises:
        BackboneMissing: The file holds another network.
    """
    network = ov.Core().read_model(network_file)
    nodes = [node for node in network.get_ordered_ops() if node.get_type_name() == "Convolution"]
    if len(nodes) != CONVOLUTIONS:
        raise BackboneMissing(
            f"The network {network_file} is not ResNet-50: it has {len(nodes)} convolutions.",
            "Train the same recipe again: its backbone is made anew.",
            file=str(network_file),
        )
    return {name: _read_convolution(node) for name, node in _name_nodes(nodes)}


def folds_scale(network_file: Path) -> bool:
    """Return whether a division of the photos by 255 would stand in the first kernel."""
    kinds = {node.get_type_name() for node in ov.Core().read_model(network_file).get_ordered_ops()}
    return kinds.isdisjoint({"Multiply", "Divide"})


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
    """Yield the place of each convolution in its block: 0 is the one beside the other three."""
    middle = next(node for node in own if node.input_value(1).get_node().shape[2] == 3)
    second = middle.get_friendly_name()
    first = _find_before(middle)
    last = next(node for node in own if _find_before(node) == second).get_friendly_name()
    places = {first: 1, second: 2, last: 3}
    for node in own:
        yield places.get(node.get_friendly_name(), 0), node


def _find_before(node: ov.Node) -> str:
    """Return the name of the convolution right before this one; "" where something else is."""
    before = node.input_value(0).get_node()
    while before.get_type_name() in ("Relu", "Add", "GroupNormalization"):
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
