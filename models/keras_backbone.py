"""The backbone in Keras (keras): the source of the OpenVINO one, and used on a GPU."""

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import openvino as ov
from openvino._offline_transformations import apply_moc_transformations

from core.ahead import work_ahead
from core.config import FRAMING, PHOTO_SIZE, Framing
from core.errors import WeightsDamaged
from models.backbone import BackboneFacts, Precision, Preprocessing, fill_batch
from models.devices import find_device
from models.making import COSINE_LIMIT, compare_features, draw_probe_photos, state_facts
from models.weights import Weights
from models.weights_file import read_arrays

_CHANNELS_FIRST = keras.backend.backend() in ("torch", "openvino")
"""Whether the layers are channels first: else this backend transposes around every convolution."""
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_BATCH_SIZE, _LARGE_BATCH = 64, 256
_LARGE_MEMORY = 12_000_000_000
"""Bytes of a GPU from which batches are large."""
_THREADS = 2
"""One batch is transferred while the other is computed."""


def build_backbone(
    weights: Weights, preprocessing: Preprocessing, precision: Precision = "f32"
) -> keras.Model:
    """Return ResNet-50 without top: photos → {"maps": (n, 7, 7, 2048), "pooled": (n, 2048)}."""
    resnet = build_resnet(weights, "mixed_float16" if precision == "f16" else "float32")
    resnet.trainable = False
    photos = keras.Input((PHOTO_SIZE, PHOTO_SIZE, 3), dtype="uint8", name="photos")
    inputs = _transpose(keras.ops.cast(photos, "float32"), _TO_FIRST)
    maps = keras.ops.cast(resnet(preprocess(inputs, preprocessing)), "float32")
    pooled = keras.ops.mean(maps, axis=(2, 3) if _CHANNELS_FIRST else (1, 2))
    return keras.Model(photos, {"maps": _transpose(maps, _TO_LAST), "pooled": pooled})


def build_resnet(weights: Weights, policy: str) -> keras.Model:
    """Return ResNet-50 without top, with a policy of dtypes; see `call_network`."""
    before = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format("channels_first" if _CHANNELS_FIRST else "channels_last")
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
    """Return the maps of ResNet-50, or of a part of it; input and output are (n, h, w, c)."""
    return _transpose(network(_transpose(photos, _TO_FIRST)), _TO_LAST)


def _transpose(maps: keras.KerasTensor, order: tuple[int, ...]) -> keras.KerasTensor:
    return keras.ops.transpose(maps, order) if _CHANNELS_FIRST else maps


def build_network() -> keras.Model:
    """Return the network, under Keras' policies and image data format."""
    first = keras.config.image_data_format() == "channels_first"
    shape = (3, PHOTO_SIZE, PHOTO_SIZE) if first else (PHOTO_SIZE, PHOTO_SIZE, 3)
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)


def preprocess(photos: keras.KerasTensor, preprocessing: Preprocessing) -> keras.KerasTensor:
    """Return photos 0..255 float32, preprocessed as the recipe says."""
    if preprocessing == "unit":
        return photos / 255.0
    layout = "channels_first" if photos.shape[1] == 3 else "channels_last"
    return keras.applications.resnet.preprocess_input(photos, data_format=layout)


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


def compile_forward(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return the compiled model, for one input and one output; any thread may call it."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph = tf.function(
            lambda inputs: model(inputs, training=False), jit_compile=model.jit_compile
        )
        return lambda inputs: np.asarray(graph(inputs))
    if backend == "jax":
        import jax

        both = model.trainable_variables, model.non_trainable_variables
        held = [[variable.value for variable in variables] for variables in both]
        call = jax.jit(lambda *given: model.stateless_call(*given, training=False)[0])
        return lambda inputs: np.asarray(call(*held, inputs))
    import torch

    def look(inputs: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(inputs)
        if torch.cuda.is_available():
            given = given.pin_memory().to("cuda", non_blocking=True)
        with torch.no_grad():
            seen: np.ndarray = model(given, training=False).cpu().numpy()
        return seen

    return look


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


class KerasBackbone(KerasTrunk):
    """A Keras model of the backbone; the maps, 0.4 MB per photo, stay on the device."""

    def __init__(self, facts: BackboneFacts, model: keras.Model, batch_size: int) -> None:
        super().__init__(facts, keras.Model(model.input, model.output["pooled"]), batch_size)
        self._model = model

    @cached_property
    def trunk(self) -> KerasTrunk:
        """The trunk of this backbone, with shared weights."""
        resnet = next(layer for layer in self._model.layers if isinstance(layer, keras.Model))
        trunk = keras.Model(resnet.inputs, resnet.get_layer("conv5_block1_1_conv").input)
        photos = keras.Input(self._model.input.shape[1:], dtype="uint8", name="photos")
        inputs = preprocess(keras.ops.cast(photos, "float32"), self.facts.preprocessing)
        activations = keras.ops.cast(call_network(trunk, inputs), "float16")
        return KerasTrunk(self.facts, keras.Model(photos, activations), self.batch_size)


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
    facts = state_facts(weights, preprocessing, framing)
    facts = dataclasses.replace(facts, precision=precision, cosine=cosine)
    large = device.kind == "gpu" and (device.memory_bytes or 0) >= _LARGE_MEMORY
    return KerasBackbone(facts, model, batch_size or (_LARGE_BATCH if large else _BATCH_SIZE))


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


def main() -> None:
    """Write the network: `python -m models.keras_backbone FILE PREPROCESSING [WEIGHTS]`.

    Without a file of weights they are random. The backend has to be "openvino".
    """
    file, preprocessing, *source = Path(sys.argv[1]), *sys.argv[2:]
    own = Path(source[0]) if source else None
    weights = Weights(file=own, digest="", origin="", official=False)
    model = build_backbone(weights, cast(Preprocessing, preprocessing))
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        plain = Path(folder) / file.name
        model.export(str(plain), format="openvino", verbose=False)
        network = ov.Core().read_model(plain)
        # Folds batch normalisation into convolutions, which takes 0.6 s whenever it is compiled.
        apply_moc_transformations(network, cf=True, smart_reshape=False)
        ov.serialize(network, file)


if __name__ == "__main__":
    main()
