"""The backbone in Keras (keras): the source of the OpenVINO one, and used on a GPU."""

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.ahead import work_ahead
from core.config import FRAMING, PHOTO_SIZE, Framing
from core.errors import WeightsDamaged
from core.workspace import Workspace, digest_file, make_folder_atomically, write_json
from models.backbone import (
    FACTS_FILE,
    NETWORK_FILE,
    BackboneFacts,
    Look,
    OpenVinoBackbone,
    Precision,
    Preprocessing,
    backbone_exists,
    backbone_id,
    compile_model,
    fill_batch,
    offered_precisions,
)
from models.backends import call_with_tensorflow, compile_forward
from models.devices import find_device
from models.weights import Weights
from models.weights_file import read_arrays

_POLICIES: dict[Precision, str] = {"f16": "mixed_float16", "f32": "float32"}
_BATCH_SIZE, _LARGE_BATCH = 64, 256
_LARGE_MEMORY = 12_000_000_000
"""Bytes of a GPU from which batches are large."""
_THREADS = 2
"""One batch is transferred while the other is computed."""


def build_backbone(
    weights: Weights, preprocessing: Preprocessing, precision: Precision = "f32"
) -> keras.Model:
    """Return ResNet-50 without top: photos → {"maps": (n, 7, 7, 2048), "pooled": (n, 2048)}."""
    resnet = build_resnet(weights, _POLICIES[precision])
    resnet.trainable = False
    photos = keras.Input((PHOTO_SIZE, PHOTO_SIZE, 3), dtype="uint8", name="photos")
    maps = call_network(resnet, preprocess(keras.ops.cast(photos, "float32"), preprocessing))
    maps = keras.ops.cast(maps, "float32")
    return keras.Model(photos, {"maps": maps, "pooled": keras.ops.mean(maps, axis=(1, 2))})


def build_resnet(weights: Weights, policy: str) -> keras.Model:
    """Return ResNet-50 without top, with a policy of dtypes; see `call_network`."""
    before = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy(policy)
    first = keras.backend.backend() == "torch"
    keras.config.set_image_data_format("channels_first" if first else "channels_last")
    try:
        resnet = build_network()
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_image_data_format(before[1])
    if weights.file is None:
        draw_random_weights(resnet)
    else:
        load_weights(resnet, weights.file)
    return resnet


def call_network(network: keras.Model, photos: keras.KerasTensor) -> keras.KerasTensor:
    """Return the maps of ResNet-50, or of a part of it; input and output are (n, h, w, c).

    With PyTorch the layers are channels first, else Keras copies the maps for every convolution.
    """
    if keras.backend.backend() != "torch":
        return network(photos)
    maps = network(keras.ops.transpose(photos, (0, 3, 1, 2)))
    return keras.ops.transpose(maps, (0, 2, 3, 1))


def build_network() -> keras.Model:
    """Return the network, under Keras' policies and image data format."""
    first = keras.config.image_data_format() == "channels_first"
    shape = (3, PHOTO_SIZE, PHOTO_SIZE) if first else (PHOTO_SIZE, PHOTO_SIZE, 3)
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)


def preprocess(photos: keras.KerasTensor, preprocessing: Preprocessing) -> keras.KerasTensor:
    """Return photos 0..255 float32, preprocessed as the recipe says."""
    if preprocessing == "unit":
        return photos / 255.0
    return keras.applications.resnet.preprocess_input(photos)


def load_weights(network: keras.Model, file: Path) -> None:
    """Load the weights of a file: Keras' layout (.h5), or the built-in weights.

    Raises:
        WeightsDamaged, ValueError: The file cannot be read, or is of another network.
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


class KerasTrunk:
    """A Keras model from photos to rows, with the facts of its backbone."""

    def __init__(self, facts: BackboneFacts, model: keras.Model, batch_size: int) -> None:
        self.facts = facts
        self.batch_size = batch_size
        self._forward = compile_forward(model)

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the rows of each batch of photos, in order; threads compute a batch ahead."""
        with closing(work_ahead(batches, self._look_at, _THREADS, _THREADS + 1)) as looks:
            for _, rows in looks:
                yield rows

    def _look_at(self, photos: np.ndarray) -> np.ndarray:
        return self._forward(fill_batch(photos, self.batch_size))[: len(photos)]


class KerasBackbone:
    """A Keras model of the backbone, with the methods of the OpenVINO one."""

    def __init__(self, facts: BackboneFacts, model: keras.Model, batch_size: int) -> None:
        self.facts = facts
        self.batch_size = batch_size
        self._model = model

    def look(self, photos: np.ndarray) -> Look:
        """Return maps and features of a few photos (n, 224, 224, 3) uint8."""
        starts = range(0, len(photos), self.batch_size)
        looks = [self._look_at(photos[start : start + self.batch_size]) for start in starts]
        return Look(*(np.concatenate(parts) for parts in zip(*looks, strict=True)))

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the features (b, 2048) float32 of each batch (b, 224, 224, 3) uint8, in order."""
        return self._features.stream(batches)

    @cached_property
    def trunk(self) -> "KerasTrunk":
        """The trunk of this backbone, with shared weights."""
        resnet = next(layer for layer in self._model.layers if isinstance(layer, keras.Model))
        trunk = keras.Model(resnet.inputs, resnet.get_layer("conv5_block1_1_conv").input)
        photos = keras.Input(self._model.input.shape[1:], dtype="uint8", name="photos")
        facts = self.facts
        inputs = preprocess(keras.ops.cast(photos, "float32"), facts.preprocessing)
        activations = keras.ops.cast(call_network(trunk, inputs), "float16")
        return KerasTrunk(self.facts, keras.Model(photos, activations), self.batch_size)

    @cached_property
    def _features(self) -> "KerasTrunk":
        """The model of features only: the maps, 0.4 MB per photo, stay on the device."""
        model = keras.Model(self._model.input, self._model.output["pooled"])
        return KerasTrunk(self.facts, model, self.batch_size)

    def _look_at(self, photos: np.ndarray) -> Look:
        seen = self._model.predict_on_batch(fill_batch(photos, self.batch_size))
        return Look(seen["maps"][: len(photos)], seen["pooled"][: len(photos)])


@lru_cache(maxsize=1)
def open_keras_backbone(
    weights: Weights,
    preprocessing: Preprocessing,
    framing: Framing = FRAMING,
    batch_size: int | None = None,
) -> KerasBackbone:
    """Return the backbone on Keras' device, in float16 where it is fast and accurate.

    Raises:
        ValueError: The weights do not fit ResNet-50.
    """
    photos, device = draw_probe_photos(), find_device()
    precision: Precision = "f32"
    model, cosine = build_backbone(weights, preprocessing), 1.0
    if device.half:  # else float16 is slower
        fast = build_backbone(weights, preprocessing, "f16")
        seen = (one.predict_on_batch(photos)["pooled"] for one in (fast, model))
        similar = compare_features(*seen)
        if similar >= COSINE_LIMIT:  # False for NaN, after an overflow
            model, precision, cosine = fast, "f16", similar
    facts = _state_facts(weights, preprocessing, framing)
    facts = dataclasses.replace(facts, precision=precision, cosine=cosine)
    large = device.kind == "gpu" and (device.memory_bytes or 0) >= _LARGE_MEMORY
    return KerasBackbone(facts, model, batch_size or (_LARGE_BATCH if large else _BATCH_SIZE))


COSINE_LIMIT = 0.999
"""Minimum cosine between the features of a faster precision and f32."""


def draw_probe_photos(photos: int = 8) -> np.ndarray:
    """Return coloured clouds (n, 224, 224, 3) uint8 RGB: as in photos, coarse scales dominate."""
    rng = np.random.default_rng(0)
    clouds = np.zeros((photos, PHOTO_SIZE, PHOTO_SIZE, 3))
    for cells in (2, 4, 7, 14, 28, 56):
        patches = rng.normal(size=(photos, cells, cells, 3)) / cells
        cell = PHOTO_SIZE // cells
        clouds += patches.repeat(cell, axis=1).repeat(cell, axis=2)
    low, high = clouds.min(axis=(1, 2), keepdims=True), clouds.max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = ((clouds - low) / (high - low) * 255).astype(np.uint8)
    return scaled


def compare_features(features: np.ndarray, exact: np.ndarray) -> float:
    """Return the minimum cosine between the rows of both (n, 2048); NaN if a row is not finite."""
    a, b = features.astype(np.float64), exact.astype(np.float64)
    with np.errstate(all="ignore"):
        cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return float(cosines.min())


_STEPS = 2


def make_backbone(
    workspace: Workspace,
    weights: Weights,
    preprocessing: Preprocessing,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    framing: Framing = FRAMING,
) -> str:
    """Return the id of the backbone in the workspace; it is made if it is missing (6 s)."""
    identifier = backbone_id(weights, preprocessing, framing)
    if backbone_exists(workspace, identifier):
        on_progress(_STEPS, _STEPS)
        return identifier
    target = workspace.backbone_folder(identifier)
    shutil.rmtree(target, ignore_errors=True)  # it is damaged
    with make_folder_atomically(target) as folder:
        on_progress(0, _STEPS)
        call_with_tensorflow(_export, folder / NETWORK_FILE, weights, preprocessing)
        on_progress(1, _STEPS)
        files = {file.name: digest_file(file) for file in sorted(folder.iterdir())}
        facts = dataclasses.replace(_state_facts(weights, preprocessing, framing), files=files)
        facts = _choose_precision(folder / NETWORK_FILE, facts)
        features = _look_at_probe(folder / NETWORK_FILE, facts, facts.precision)
        if not np.isfinite(features).all() or np.ptp(features, axis=0).max() <= 1e-6:
            raise WeightsDamaged(
                f"With the weights “{weights.label}” all photos have the same features, or "
                "features are not finite.",
                "Their file is damaged or of another network: delete it and download it again.",
                file=str(weights.file),
            )
        write_json(folder / FACTS_FILE, facts.describe())
    on_progress(_STEPS, _STEPS)
    return identifier


def _export(file: Path, weights: Weights, preprocessing: Preprocessing) -> None:
    model = build_backbone(weights, preprocessing)
    model.export(str(file), format="openvino", verbose=False)


def _state_facts(weights: Weights, preprocessing: Preprocessing, framing: Framing) -> BackboneFacts:
    """Return the facts of a backbone in f32 without files."""
    return BackboneFacts(
        id=backbone_id(weights, preprocessing, framing),
        framing=framing,
        weights_kind=weights.name,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing=preprocessing,
        precision="f32",
        cosine=1.0,
        files={},
    )


def _choose_precision(network: Path, facts: BackboneFacts) -> BackboneFacts:
    """Return the facts with the fastest accurate precision of this CPU."""
    fastest = offered_precisions()[0]
    if fastest == "f32":
        return facts
    fast, exact = (_look_at_probe(network, facts, kind) for kind in (fastest, "f32"))
    cosine = compare_features(fast, exact)
    if not cosine >= COSINE_LIMIT:
        return facts
    return dataclasses.replace(facts, precision=fastest, cosine=cosine)


def _look_at_probe(network: Path, facts: BackboneFacts, precision: Precision) -> np.ndarray:
    """Return the features of the probe photos in a precision."""
    compiled = compile_model(network, precision, "throughput")
    return OpenVinoBackbone(facts, compiled).look(draw_probe_photos()).features


_SEED = 1
_DAMPING = 0.1


def draw_random_weights(resnet: Any) -> None:
    """Draw random weights for the Keras model.

    Source: He et al. 2015, "Delving deep into rectifiers" (spread of kernels); Goyal et al. 2017,
    "Accurate, large minibatch SGD" (a small last gamma; there 0). Chosen by the accuracy of a ridge
    classifier in 5-fold cross-validation, 250 photos each of the sample and of flower_photos:
    0.69 and 0.57; Keras' own Glorot 0.62 and 0.53 (same seed); He undamped 0.52 and 0.41 (seed 0).
    """
    for number, layer in enumerate(resnet.layers):
        if hasattr(layer, "kernel"):
            rng = np.random.default_rng((_SEED, number))
            shape = tuple(layer.kernel.shape)
            deviation = np.sqrt(2 / np.prod(shape[:-1]))
            layer.kernel.assign(rng.normal(0, deviation, shape).astype(np.float32))
        elif layer.name.endswith("_3_bn"):
            layer.gamma.assign(np.full(layer.gamma.shape, _DAMPING, np.float32))
