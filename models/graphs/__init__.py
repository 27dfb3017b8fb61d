"""The networks that weights of the catalogue fit (keras): inputs, building, and loading of files.

All are ResNet-50 without top, with the names of Keras' layers (conv1_…, conv4_block6_out, …), so
that stages are freed, cut off and written alike. Inputs (n, side, side, 3) float32, preprocessed.

What keras.applications does not have is built here: convolutions without bias that pad with zeros
on both sides alike, as PyTorch does, the stride in the 3×3 convolution.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import KerasTensor as Maps
from keras import layers

from core.errors import WeightsDamaged
from models.backbone import Preprocessing
from models.catalogue import GraphName, Inputs
from models.catalogue.arrays import read_arrays
from models.graphs.converting import convert_arrays
from models.weights import GRAPH_ATTRIBUTE

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB in [0, 1] over ImageNet. Source: torchvision's weights."""


def build_graph(graph: GraphName, side: int) -> keras.Model:
    """Return the network for photos of this side, under Keras' present policies.

    Its input and maps lie as Keras' image data format says; its weights are not loaded.

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
        WeightsDamaged: The file cannot be read, or is not of this network.
        ValueError: A file in Keras' layout does not fit the network.
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


_STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""

_GROUPS = 32


def build_v15(shape: tuple[int, int, int]) -> keras.Model:
    """Return ResNet-50 v1.5, without top, as torchvision builds it.

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD" (the stride's place).
    """
    photos = keras.Input(shape)
    maps = _rectify(_normalise(_convolve(photos, "conv1", 64, 7, 2), "conv1"), "conv1_relu")
    maps = _pool(maps)
    for stack, filters, blocks in _STACKS:
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stack > 2 else 1
            maps = _add_block(maps, f"conv{stack}_block{block}", filters, stride, block == 1)
    return keras.Model(photos, maps, name="resnet50")


def build_bit(shape: tuple[int, int, int]) -> keras.Model:
    """Return BiT's ResNet-50 without top: pre-activation, GroupNorm, kernels standardised before.

    The maps are normalised and rectified once more behind the last block.

    Source: Kolesnikov et al. 2020, "Big Transfer" (arXiv 1912.11370).
    """
    photos = keras.Input(shape)
    maps = _pool(_convolve(photos, "conv1", 64, 7, 2))
    for stack, filters, blocks in _STACKS:
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stack > 2 else 1
            maps = _add_preactivated(maps, f"conv{stack}_block{block}", filters, stride, block == 1)
    maps = _rectify(_normalise_groups(maps, "conv5"), "conv5_relu")
    return keras.Model(photos, maps, name="resnet50")


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
    axis = 1 if keras.config.image_data_format() == "channels_first" else -1
    return layers.BatchNormalization(axis=axis, epsilon=1e-5, name=f"{name}_bn")(maps)


def _normalise_groups(maps: Maps, name: str) -> Maps:
    axis = 1 if keras.config.image_data_format() == "channels_first" else -1
    return layers.GroupNormalization(_GROUPS, axis, epsilon=1e-5, name=f"{name}_gn")(maps)


def _rectify(maps: Maps, name: str) -> Maps:
    return layers.Activation("relu", name=name)(maps)
