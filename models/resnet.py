"""Keras' ResNet-50 without top (keras): preprocessing, building, loading, and crops of photos.

Inputs (n, side, side, 3) float32. Where crops overlap their maps are averaged: the mean of the
whole is theirs.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import KerasTensor as Maps

from core.config import Framing
from core.errors import WeightsDamaged
from models.backbone import Preprocessing
from models.weights_file import read_arrays


def build_network(side: int) -> keras.Model:
    """Return the network for photos of this side, under Keras' policies and image data format."""
    first = keras.config.image_data_format() == "channels_first"
    shape = (3, side, side) if first else (side, side, 3)
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)


def preprocess(photos: Maps, preprocessing: Preprocessing) -> Maps:
    """Return photos 0..255 float32 as the weights want them, or as the recipe says."""
    if preprocessing == "unit":
        return photos / 255.0
    return keras.applications.resnet.preprocess_input(photos)


def load_weights(network: keras.Model, file: Path) -> None:
    """Fill the network with the weights of a file: Keras' layout (.h5), or the starter's.

    Raises:
        WeightsDamaged, ValueError: The file cannot be read, or is not of this network.
    """
    if file.suffix == ".safetensors":
        _assign(network, read_arrays(file))
    else:
        network.load_weights(str(file))


def _assign(network: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Set all weights by their names ("conv1_conv/kernel")."""
    ours = {
        f"{layer.name}/{weight.name}": weight
        for layer in network.layers
        for weight in layer.weights
    }
    shapes = {name: tuple(weight.shape) for name, weight in ours.items()}
    if shapes != {name: array.shape for name, array in arrays.items()}:
        raise WeightsDamaged("These weights do not fit ResNet-50.", "Choose other weights.")
    for name, weight in ours.items():
        weight.assign(arrays[name])


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
