"""The backbone in Keras (keras): what the OpenVINO one is made from, and what runs on a GPU.

The model takes photos (n, 224, 224, 3) uint8 RGB, preprocesses inside, and gives {"maps", "pooled"}
in float32. On a GPU it is computed in mixed float16 where that keeps the features.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from core.config import PHOTO_SIZE
from models.backbone import (
    BackboneFacts,
    Look,
    Precision,
    Preprocessing,
    backbone_id,
    fill_batch,
)
from models.probing import COSINE_LIMIT, compare_features, draw_probe_photos
from models.random_weights import draw_random_weights
from models.weights import Weights

_POLICIES: dict[Precision, str] = {"f16": "mixed_float16", "f32": "float32"}
_BATCH_SIZE = 64


def build_backbone(
    weights: Weights, preprocessing: Preprocessing, precision: Precision = "f32"
) -> keras.Model:
    """Returns ResNet-50 without top: photos → {"maps": (n, 7, 7, 2048), "pooled": (n, 2048)}."""
    shape = (PHOTO_SIZE, PHOTO_SIZE, 3)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_POLICIES[precision])
    try:
        resnet = keras.applications.ResNet50(
            include_top=False,
            weights=None if weights.file is None else str(weights.file),
            input_shape=shape,
        )
    finally:
        keras.config.set_dtype_policy(policy)
    if weights.file is None:
        draw_random_weights(resnet)
    resnet.trainable = False
    photos = keras.Input(shape, dtype="uint8", name="photos")
    inputs = preprocess(keras.ops.cast(photos, "float32"), preprocessing)
    maps = keras.ops.cast(resnet(inputs), "float32")
    return keras.Model(photos, {"maps": maps, "pooled": keras.ops.mean(maps, axis=(1, 2))})


def preprocess(photos: keras.KerasTensor, preprocessing: Preprocessing) -> keras.KerasTensor:
    """Returns photos 0..255 float32 as the weights want them, or as the recipe says."""
    if preprocessing == "unit":
        return photos / 255.0
    return keras.applications.resnet.preprocess_input(photos)


class KerasBackbone:
    """A Keras model of the backbone and its facts: the same methods as the OpenVINO one."""

    def __init__(self, facts: BackboneFacts, model: keras.Model, batch_size: int) -> None:
        self.facts = facts
        self.batch_size = batch_size
        self._model = model

    def look(self, photos: np.ndarray) -> Look:
        """Returns maps and features of a few photos (n, 224, 224, 3) uint8."""
        starts = range(0, len(photos), self.batch_size)
        looks = [self._look_at(photos[start : start + self.batch_size]) for start in starts]
        return Look(*(np.concatenate(parts) for parts in zip(*looks, strict=True)))

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the features (b, 2048) float32 of each batch (b, 224, 224, 3) uint8, in order."""
        return _stream_in_thread(lambda photos: self._look_at(photos).features, batches)

    def cut_trunk(self) -> "KerasTrunk":
        """Returns the trunk of this backbone; they share their weights."""
        resnet = next(layer for layer in self._model.layers if isinstance(layer, keras.Model))
        trunk = keras.Model(resnet.inputs, resnet.get_layer("conv4_block6_out").output)
        photos = keras.Input((PHOTO_SIZE, PHOTO_SIZE, 3), dtype="uint8", name="photos")
        inputs = preprocess(keras.ops.cast(photos, "float32"), self.facts.preprocessing)
        activations = keras.ops.cast(trunk(inputs), "float16")
        return KerasTrunk(self.facts, keras.Model(photos, activations), self.batch_size)

    def _look_at(self, photos: np.ndarray) -> Look:
        seen = self._model.predict_on_batch(fill_batch(photos, self.batch_size))
        return Look(seen["maps"][: len(photos)], seen["pooled"][: len(photos)])


class KerasTrunk:
    """A Keras model of the trunk (models/trunk.py) and the facts of its backbone."""

    def __init__(self, facts: BackboneFacts, model: keras.Model, batch_size: int) -> None:
        self.facts = facts
        self.batch_size = batch_size
        self._model = model

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the activations (b, 14, 14, 1024) float16 of each batch of photos, in order."""
        return _stream_in_thread(self._look_at, batches)

    def _look_at(self, photos: np.ndarray) -> np.ndarray:
        seen = self._model.predict_on_batch(fill_batch(photos, self.batch_size))
        return np.asarray(seen[: len(photos)])


def _stream_in_thread(
    look: Callable[[np.ndarray], np.ndarray], batches: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yields what is seen in each batch, in order.

    A thread computes, one batch ahead, while the caller reads the next and writes the last.
    """
    going: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(max_workers=1) as thread:
        for batch in batches:
            going.append(thread.submit(look, batch))
            if len(going) > 2:
                yield going.popleft().result()
        while going:
            yield going.popleft().result()


def open_keras_backbone(
    weights: Weights, preprocessing: Preprocessing, batch_size: int = _BATCH_SIZE
) -> KerasBackbone:
    """Returns the backbone on Keras' device, in float16 where that keeps the features.

    Raises:
        ValueError: The weights do not fit ResNet-50 (models/layout.py tells a person beforehand).
    """
    photos = draw_probe_photos()
    exact, fast = (build_backbone(weights, preprocessing, kind) for kind in ("f32", "f16"))
    seen, seen_fast = (model.predict_on_batch(photos)["pooled"] for model in (exact, fast))
    cosine = compare_features(seen_fast, seen)
    kept = cosine >= COSINE_LIMIT  # false as well when float16 overflowed: the cosine is NaN then
    facts = BackboneFacts(
        id=backbone_id(weights, preprocessing),
        weights_kind=weights.kind,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing=preprocessing,
        precision="f16" if kept else "f32",
        cosine=cosine if kept else 1.0,
        files={},
    )
    return KerasBackbone(facts, fast if kept else exact, batch_size)
