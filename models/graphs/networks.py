"""ResNet-50 in the graphs that published weights fit and keras.applications does not have (keras).

Convolutions have no bias and pad with zeros on both sides alike, as PyTorch does; the stride is in
the 3×3 convolution. Layers have the names of keras.applications' ResNet50.
"""

import keras
from keras import KerasTensor as Maps
from keras import layers

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
