"""The networks that weights of the catalogue fit (keras): inputs, building, and loading of files.

All are ResNet-50 without top, with the names of Keras' layers (conv1_…, conv4_block6_out, …), so
that stages are freed, cut off and written alike. Inputs (n, side, side, 3) float32, preprocessed.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from core.errors import WeightsDamaged
from models.backbone import Preprocessing
from models.catalogue import GraphName, Inputs
from models.catalogue.arrays import read_arrays
from models.graphs.converting import convert_arrays
from models.graphs.networks import build_bit, build_v15
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
