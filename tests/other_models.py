"""Makes models as other programs save them, each right on drawn photos of five classes.

Random filters, pooled, and a dense layer solved by least squares on the photos that
`draw_dataset_photos` gives, under one convention of preprocessing.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.backbone import Preprocessing
from tests.builders import draw_photo

FLOWERS = ("daisy", "dandelion", "rose", "sunflower", "tulip")
FILTERS, _PATCH = 24, 16


def draw_dataset_photos(per_class: int = 8, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return photos (n, 224, 224, 3) uint8 of five classes, and their labels (n,)."""
    labels = np.repeat(np.arange(len(FLOWERS)), per_class)
    photos = [
        np.asarray(draw_photo(one, first + at % per_class, (224, 224)))
        for at, one in enumerate(labels.tolist())
    ]
    return np.stack(photos), labels


def write_flowers(folder: Path, per_class: int = 12) -> Path:
    """Write folder/<class>/… of photos like these, and return the folder."""
    for number, name in enumerate(FLOWERS):
        (folder / name).mkdir(parents=True)
        for photo in range(200, 200 + per_class):
            file = folder / name / f"{photo}.png"
            draw_photo(number, photo, (224, 224)).save(file, compress_level=1)
    return folder


def preprocess(photos: np.ndarray, convention: Preprocessing) -> np.ndarray:
    """Return the photos as Keras' `preprocess_input` gives them, float32."""
    from keras.applications import imagenet_utils

    modes = {"signed": "tf", "imagenet": "torch", "resnet": "caffe"}
    values = photos.astype(np.float32)
    if convention in modes:
        seen: np.ndarray = imagenet_utils.preprocess_input(values, mode=modes[convention])
        return seen
    return values / 255 if convention == "unit" else values


class Weights:
    """Filters and dense layer of a model."""

    def __init__(self, convention: Preprocessing, order: Sequence[int] = range(5), extra: int = 0):
        photos, labels = draw_dataset_photos()
        inputs = preprocess(photos, convention)
        scale = 1 / max(np.abs(inputs).max(), 1e-6)
        rng = np.random.default_rng(7)
        self.filters = scale * rng.normal(size=(_PATCH, _PATCH, 3, FILTERS)).astype(np.float32) / 8
        self.shift = rng.normal(size=FILTERS).astype(np.float32) / 8
        pooled = self.pool(inputs)
        wanted = np.eye(len(FLOWERS) + extra)[np.asarray([*order])[labels]]
        known = np.hstack([pooled, np.ones((len(pooled), 1))])
        grams = known.T @ known + 1e-4 * np.eye(known.shape[1])
        solved = np.linalg.solve(grams, known.T @ (8 * wanted - 4))
        self.kernel, self.bias = solved[:-1].astype(np.float32), solved[-1].astype(np.float32)

    def pool(self, inputs: np.ndarray) -> np.ndarray:
        """Return the pooled features (n, filters) of preprocessed photos."""
        side = inputs.shape[1] // _PATCH
        patches = inputs.reshape(-1, side, _PATCH, side, _PATCH, 3)
        seen = np.einsum("nahbwc,hwcf->nabf", patches, self.filters, optimize=True)
        features: np.ndarray = np.maximum(seen + self.shift, 0).mean(axis=(1, 2))
        return features


def make_keras(weights: Weights, file: Path, ending: str = "softmax", inside: str = "") -> Path:
    """Save a model of Keras 3; `inside` puts a layer of preprocessing (“signed”) into it."""
    import keras

    layers = keras.layers
    photos = values = keras.Input((224, 224, 3))
    if inside:
        values = layers.Rescaling(1 / 127.5, -1)(values)
    values = layers.Conv2D(FILTERS, _PATCH, _PATCH, activation="relu", name="filters")(values)
    values = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(values))
    scores = layers.Dense(len(weights.bias), activation=ending, name="scores")(values)
    model = keras.Model(photos, scores)
    model.get_layer("filters").set_weights([weights.filters, weights.shift])
    model.get_layer("scores").set_weights([weights.kernel, weights.bias])
    model.save(file)
    return file


def make_onnx(
    weights: Weights, file: Path, ending: str = "", batch: int | str = "n", data: str = ""
) -> Path:
    """Save an ONNX file with the channels first; `data` names a file for its filters."""
    filters = numpy_helper.from_array(weights.filters.transpose(3, 2, 0, 1).copy(), "filters")
    if data:
        filters.ClearField("raw_data")
        filters.data_location = TensorProto.EXTERNAL
        filters.external_data.add(key="location", value=data)
    stored = [
        filters,
        numpy_helper.from_array(weights.shift, "shift"),
        numpy_helper.from_array(weights.kernel.T.copy(), "kernel"),
        numpy_helper.from_array(weights.bias, "bias"),
    ]
    steps = [
        helper.make_node(
            "Conv", ["photos", "filters", "shift"], ["seen"], strides=[_PATCH, _PATCH]
        ),
        helper.make_node("Relu", ["seen"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["rows"]),
        helper.make_node("Gemm", ["rows", "kernel", "bias"], ["logits"], transB=1),
    ]
    if ending:
        steps.append(helper.make_node(ending, ["logits"], ["scores"]))
    shapes: tuple[tuple[str, list[Any]], ...] = (
        ("photos", [batch, 3, 224, 224]),
        (steps[-1].output[0], [batch, len(weights.bias)]),
    )
    entry, outcome = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes
    )
    graph = helper.make_graph(steps, "flowers", [entry], [outcome], stored)
    opsets = [helper.make_opsetid("", 17)]
    file.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    return file


def make_teachable_machine(weights: Weights, folder: Path) -> Path:
    """Save a zip as Teachable Machine does: Keras 2, a Sequential of two Sequentials, labels.txt.

    Its depthwise layers have the setting `groups`, and the last layer has no bias.
    """
    import tf_keras

    layers = tf_keras.layers
    first = tf_keras.Sequential(
        [
            tf_keras.Input((224, 224, 3)),
            layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones"),
            layers.Conv2D(FILTERS, _PATCH, _PATCH, activation="relu", name="filters"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    size = len(weights.bias)
    second = tf_keras.Sequential(
        [
            tf_keras.Input((FILTERS,)),
            layers.Dense(FILTERS + 1, activation="relu", name="hidden"),
            layers.Dense(size, activation="softmax", use_bias=False, name="scores"),
        ]
    )
    first.get_layer("filters").set_weights([weights.filters, weights.shift])
    constant = np.append(np.zeros(FILTERS), 1).astype(np.float32)
    same = np.eye(FILTERS, FILTERS + 1, dtype=np.float32)
    second.get_layer("hidden").set_weights([same, constant])
    second.get_layer("scores").set_weights([np.vstack([weights.kernel, weights.bias])])
    whole = tf_keras.Sequential([first, second])
    whole.build((None, 224, 224, 3))
    whole.save(folder / "keras_model.h5")
    target = folder / "converted_keras.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(folder / "keras_model.h5", "keras_model.h5")
        archive.writestr("labels.txt", "".join(f"{at} {one}\n" for at, one in enumerate(FLOWERS)))
    (folder / "keras_model.h5").unlink()
    return target


def write_names(folder: Path, names: Sequence[str]) -> None:
    """Write class_names.json beside a model."""
    (folder / "class_names.json").write_text(json.dumps([*names]), encoding="utf-8")
