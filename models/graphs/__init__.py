"""The networks that weights of the catalogue fit (keras): inputs, building, loading, and crops.

All are ResNet-50 without top, with the names of Keras' layers; inputs (n, side, side, 3) float32,
preprocessed. Where crops overlap their maps are averaged: the mean of the whole is theirs.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np
import openvino as ov
from keras import KerasTensor as Maps
from keras import layers
from openvino import opset13 as operations

from core.config import Framing
from core.errors import WeightsDamaged
from models.backbone import Preprocessing
from models.catalogue import GraphName, Inputs
from models.catalogue.arrays import STACKS, read_arrays
from models.graphs.converting import convert_arrays
from models.weights import GRAPH_ATTRIBUTE

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB in [0, 1] over ImageNet. Source: torchvision's weights."""


def build_graph(graph: GraphName, side: int) -> keras.Model:
    """Return the network for photos of this side, under Keras' policies and image data format.

    Raises:
        WeightsDamaged: There is no such network here.
    """
    first = keras.config.image_data_format() == "channels_first"
    shape = (3, side, side) if first else (side, side, 3)
    if graph == "v1":
        return keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)
    builders = {"v15": build_v15, "bit": build_bit}
    if graph not in builders:
        raise WeightsDamaged(
            f"Weights of the network “{graph}” cannot be used by this version.",
            "Choose other weights.",
        )
    return builders[graph](shape)


def preprocess(
    photos: keras.KerasTensor, preprocessing: Preprocessing, inputs: Inputs
) -> keras.KerasTensor:
    """Return photos 0..255 float32 as the weights want them, or as the recipe says."""
    if preprocessing == "unit":
        return photos / 255.0
    if inputs == "caffe":
        return keras.applications.resnet.preprocess_input(photos)
    if inputs == "symmetric":
        return photos / 127.5 - 1.0
    return (photos / 255.0 - keras.ops.array(_MEAN, "float32")) / keras.ops.array(
        _SPREAD, "float32"
    )


def load_weights(network: keras.Model, graph: GraphName, file: Path) -> None:
    """Fill the network with the weights of a file: Keras' layout (.h5), or as published.

    Raises:
        WeightsDamaged, ValueError: The file cannot be read, or is not of this network.
    """
    if file.suffix != ".h5":
        _assign(network, convert_arrays(read_arrays(file), graph))
        return
    with h5py.File(file, "r") as content:
        written = content.attrs.get(GRAPH_ATTRIBUTE, "v1")
    if written != graph:
        raise WeightsDamaged(
            f"The weights file {file} holds the network “{written}”, not “{graph}”.",
            "Use weights of the network that the recipe names.",
            file=str(file),
        )
    network.load_weights(str(file))


def _assign(network: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Set all weights by their names ("conv1_conv/kernel")."""
    ours = {
        f"{layer.name}/{weight.name}": weight
        for layer in network.layers
        for weight in layer.weights
    }
    missing, extra = sorted(ours.keys() - arrays.keys()), sorted(arrays.keys() - ours.keys())
    if missing or extra:
        told = f"{missing[0]} is missing" if missing else f"{extra[0]} is not of this network"
        raise WeightsDamaged(f"These weights do not fit the network: {told}.", _OTHERS)
    for name, weight in ours.items():
        if tuple(weight.shape) != arrays[name].shape:
            raise WeightsDamaged(
                f"These weights do not fit the network: {name} has the shape "
                f"{arrays[name].shape} instead of {tuple(weight.shape)}.",
                _OTHERS,
            )
        weight.assign(arrays[name])


_OTHERS = "Use the file that the catalogue names, whole and unaltered."


_GROUPS, _EPSILON = 32, 1e-5


def build_v15(shape: tuple[int, int, int]) -> keras.Model:
    """Return ResNet-50 v1.5, without top, as torchvision builds it.

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD" (the stride's place).
    """
    photos = keras.Input(shape)
    maps = _rectify(_normalise(_convolve(photos, "conv1", 64, 7, 2), "conv1"), "conv1_relu")
    maps = _add_blocks(_pool(maps), _add_block)
    return keras.Model(photos, maps, name="resnet50")


def build_bit(shape: tuple[int, int, int]) -> keras.Model:
    """Return BiT's ResNet-50 without top: pre-activation, GroupNorm, kernels standardised before.

    The maps are normalised and rectified once more behind the last block.

    Source: Kolesnikov et al. 2020, "Big Transfer" (arXiv 1912.11370).
    """
    photos = keras.Input(shape)
    maps = _add_blocks(_pool(_convolve(photos, "conv1", 64, 7, 2)), _add_preactivated)
    maps = _rectify(_normalise_groups(maps, "conv5"), "conv5_relu")
    return keras.Model(photos, maps, name="resnet50")


def _add_blocks(maps: Maps, add: Callable[[Maps, str, int, int, bool], Maps]) -> Maps:
    for stack, filters, blocks in STACKS:
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stack > 2 else 1
            maps = add(maps, f"conv{stack}_block{block}", filters, stride, block == 1)
    return maps


def _add_block(maps: Maps, name: str, filters: int, stride: int, projects: bool) -> Maps:
    """Return the maps behind a bottleneck: 1×1, 3×3, 1×1, and what goes around it."""
    around = maps
    if projects:
        around = _convolve(maps, f"{name}_0", 4 * filters, 1, stride)
        around = _normalise(around, f"{name}_0")
    for part, size, kernel, step in ((1, filters, 1, 1), (2, filters, 3, stride)):
        maps = _convolve(maps, f"{name}_{part}", size, kernel, step)
        maps = _rectify(_normalise(maps, f"{name}_{part}"), f"{name}_{part}_relu")
    maps = _normalise(_convolve(maps, f"{name}_3", 4 * filters, 1, 1), f"{name}_3")
    return _rectify(layers.Add(name=f"{name}_add")([around, maps]), f"{name}_out")


def _add_preactivated(maps: Maps, name: str, filters: int, stride: int, projects: bool) -> Maps:
    """Return the maps behind a bottleneck that normalises before each convolution."""
    around = maps
    parts = ((1, filters, 1, 1), (2, filters, 3, stride), (3, 4 * filters, 1, 1))
    for part, size, kernel, step in parts:
        maps = _normalise_groups(maps, f"{name}_{part}")
        maps = _rectify(maps, f"{name}_{part}_relu")
        if part == 1 and projects:
            around = _convolve(maps, f"{name}_0", 4 * filters, 1, stride)
        maps = _convolve(maps, f"{name}_{part}", size, kernel, step)
    return layers.Add(name=f"{name}_out")([around, maps])


def _convolve(maps: Maps, name: str, filters: int, kernel: int, stride: int) -> Maps:
    if kernel > 1:
        maps = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(maps)
    return layers.Conv2D(filters, kernel, stride, use_bias=False, name=f"{name}_conv")(maps)


def _pool(maps: Maps) -> Maps:
    """Return the largest of each 3×3 places; zeros around are PyTorch's border behind a ReLU."""
    maps = layers.ZeroPadding2D(1, name="pool1_pad")(maps)
    return layers.MaxPooling2D(3, 2, name="pool1_pool")(maps)


def _normalise(maps: Maps, name: str) -> Maps:
    return layers.BatchNormalization(axis=_find_axis(), epsilon=_EPSILON, name=f"{name}_bn")(maps)


def _normalise_groups(maps: Maps, name: str) -> Maps:
    return layers.GroupNormalization(_GROUPS, _find_axis(), epsilon=_EPSILON, name=f"{name}_gn")(
        maps
    )


def _find_axis() -> int:
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def _rectify(maps: Maps, name: str) -> Maps:
    return layers.Activation("relu", name=name)(maps)


_STEP = 32
"""Pixels of a photo behind one place of the last map."""


def cut_crops(photos: Maps, framing: Framing) -> Maps:
    """Return the crops (crops * n, c, c, 3) of photos (n, side, side, 3)."""
    if framing.crops == "centre":
        return photos
    if framing.crops == "mirror":
        return keras.ops.concatenate([photos, photos[:, :, ::-1]], axis=0)
    side = framing.crop_side
    crops = [photos[:, top : top + side, left : left + side] for top, left in framing.corners]
    return keras.ops.concatenate(crops, axis=0)


def join_crops(maps: Maps, framing: Framing) -> Maps:
    """Return the maps (n, side / 32, side / 32, 2048) of photos from those of their crops."""
    if framing.crops == "centre":
        return maps
    if framing.crops == "mirror":
        photos, mirrored = keras.ops.split(maps, 2, axis=0)
        return (photos + mirrored[:, :, ::-1]) / 2
    side = framing.crop_side
    far = (framing.side - side) // _STEP
    *corners, middle = keras.ops.split(maps, 5, axis=0)
    near, beyond = far // 2, far - far // 2  # half way between two places it lies on both
    joined = 0.0
    for corner, top, left in zip(corners, (0, 0, far, far), (0, far, 0, far), strict=True):
        joined = joined + _lay(corner, top, left, far)
    for top, left in ((near, near), (near, beyond), (beyond, near), (beyond, beyond)):
        joined = joined + _lay(middle, top, left, far) / 4
    return joined * ((framing.side / side) ** 2 / 5)


def _lay(maps: Maps, top: int, left: int, far: int) -> Maps:
    """Return the maps among zeros, where they lie in those of the photo."""
    return keras.ops.pad(maps, ((0, 0), (top, far - top), (left, far - left), (0, 0)))


def fuse_group_norms(file: Path) -> None:
    """Write the OpenVINO network of the file again, with one GroupNormalization for each in parts.

    As Keras exports it, it is a dozen operations, several times as slow.
    """
    with TemporaryDirectory(dir=file.parent) as folder:
        network = ov.Core().read_model(file)
        _fuse(network)
        fused = Path(folder) / file.name
        ov.save_model(network, fused, compress_to_fp16=False)
        for written in (fused.with_suffix(".bin"), fused):
            written.replace(file.with_suffix(written.suffix))


def _fuse(network: ov.Model) -> None:
    for start, end in list(_find_norms(network)):
        channels_first = start.input_value(0).get_node().input_value(0)
        groups = int(start.output(0).partial_shape[3].get_length())
        gamma, beta = _read_scale(start)
        fused = operations.group_normalization(channels_first, gamma, beta, groups, _EPSILON)
        for place in end.output(0).get_target_inputs():
            turned = place.get_node()
            if turned.get_type_name() == "Transpose":  # back to channels first
                for behind in turned.output(0).get_target_inputs():
                    behind.replace_source_output(fused.output(0))
            else:
                channels_last = operations.transpose(fused, np.array([0, 2, 3, 1]))
                place.replace_source_output(channels_last.output(0))
    network.validate_nodes_and_infer_types()


def _find_norms(network: ov.Model) -> Iterator[tuple[ov.Node, ov.Node]]:
    """Yield the two Reshapes that begin and end each GroupNorm."""
    for node in network.get_ordered_ops():
        if node.get_type_name() == "Reshape" and len(node.output(0).partial_shape) == 5:
            yield node, _follow(_follow(_follow(node, "Multiply"), "Add"), "Reshape")


def _read_scale(start: ov.Node) -> tuple[np.ndarray, np.ndarray]:
    """Return gamma and beta (channels,) float32 of the GroupNorm that begins here."""
    scaled = _follow(start, "Multiply")
    gamma = _read_constant(scaled.input_value(1).get_node())
    beta = _read_constant(_follow(scaled, "Add").input_value(1).get_node())
    return gamma, beta


def _follow(node: ov.Node, kind: str) -> ov.Node:
    """Return the one of this kind that takes the node's output."""
    takers = (place.get_node() for place in node.output(0).get_target_inputs())
    return next(taker for taker in takers if taker.get_type_name() == kind)


def _read_constant(node: ov.Node) -> np.ndarray:
    """Return the constant that the node takes, as one row."""
    values = (place.get_node() for place in node.input_values())
    constant = next(value for value in values if value.get_type_name() == "Constant")
    return np.array(constant.data, np.float32).ravel()
