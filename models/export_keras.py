"""The full model in Keras (keras): photos uint8 RGB → scores, preprocessing inside; and its files.

Built from the network that answers and the head beside it, so it needs no weights file. Only layers
of Keras are in it: it loads in safe mode, without this program.
"""

from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import keras

from core.config import PHOTO_SIZE
from models.backbone import Preprocessing
from models.dense import DenseHead
from models.export_frozen import freeze_model, write_litert, write_saved_model
from models.export_weights import Convolution, folds_scale, read_convolutions
from models.head import add_head, set_dense_head
from models.keras_backbone import preprocess
from models.plan import HeadShape

KerasFormat = Literal["keras", "savedmodel", "litert"]
KERAS_FORMATS: tuple[KerasFormat, ...] = get_args(KerasFormat)

_EPSILON = 1.001e-5
"""What Keras' ResNet-50 adds to the variance of BatchNorm."""


def build_full_model(
    network_file: Path, preprocessing: Preprocessing, head: DenseHead
) -> keras.Model:
    """Returns the model photos (n, 224, 224, 3) uint8 RGB → scores (n, k) float32.

    Args:
        network_file: Of the backbone, OpenVINO.
        preprocessing: Of the backbone.
        head: Of the run.

    Raises:
        BackboneMissing: The file holds another network.
    """
    shape = (PHOTO_SIZE, PHOTO_SIZE, 3)
    resnet = keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)
    convolutions = read_convolutions(network_file)
    if preprocessing == "unit" and folds_scale(network_file):
        first = convolutions["conv1_conv"]
        convolutions["conv1_conv"] = Convolution(first.kernel * 255, first.bias)
    _set_convolutions(resnet, convolutions)
    resnet.trainable = False
    photos = keras.Input(shape, dtype="uint8", name="photos")
    maps = resnet(preprocess(keras.ops.cast(photos, "float32"), preprocessing))
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(maps)
    hidden = tuple(bias.size for bias in head.biases[:-1])
    head_shape = HeadShape(hidden=hidden, dropout=0.0, n_classes=head.biases[-1].size)
    model = keras.Model(photos, add_head(pooled, head_shape, (head.mean, head.scale), 0))
    set_dense_head(model, head)
    return model


def _set_convolutions(resnet: keras.Model, convolutions: dict[str, Convolution]) -> None:
    """Returns nothing; BatchNorm, which stands in the kernels, leaves what it is given as it is."""
    for layer in resnet.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = convolutions[layer.name]
            layer.kernel.assign(kernel)
            layer.bias.assign(bias)
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(keras.ops.full_like(layer.moving_variance, 1 - _EPSILON))


class KerasExport:
    """The full model, built once, written in several formats."""

    def __init__(self, network_file: Path, preprocessing: Preprocessing, head: DenseHead) -> None:
        self._model = build_full_model(network_file, preprocessing, head)

    @cached_property
    def _frozen(self) -> Any:
        return freeze_model(self._model)

    def write(self, name: KerasFormat, path: Path) -> None:
        """Returns nothing; the model stands under the path, whose folder is there."""
        if name == "keras":
            self._model.save(path)
        elif name == "savedmodel":
            write_saved_model(self._frozen, path)
        else:
            with TemporaryDirectory(dir=path.parent) as folder:
                write_saved_model(self._frozen, Path(folder))
                write_litert(Path(folder), path)
