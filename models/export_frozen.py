"""The full model as one TensorFlow function with its weights inside (keras, tensorflow), and its
files: SavedModel and LiteRT. The input is called "photos", the output "scores".

Keras' own `export` writes every weight of a SavedModel twice (Keras 3.15.1): hence this way.
"""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from core.config import PHOTO_SIZE

INPUT, OUTPUT = "photos", "scores"


def freeze_model(model: keras.Model) -> Any:
    """Returns the model as a concrete function photos (n, 224, 224, 3) uint8 → scores (n, k)."""
    spec = tf.TensorSpec((None, PHOTO_SIZE, PHOTO_SIZE, 3), tf.uint8, name=INPUT)

    def serve(photos: tf.Tensor) -> tf.Tensor:
        return tf.identity(model(photos, training=False), name=OUTPUT)

    concrete = tf.function(serve, input_signature=[spec]).get_concrete_function()
    return convert_variables_to_constants_v2(concrete)


def write_saved_model(frozen: Any, folder: Path) -> None:
    """Returns nothing; the folder holds a SavedModel with the signature “serving_default”."""
    spec = tf.TensorSpec((None, PHOTO_SIZE, PHOTO_SIZE, 3), tf.uint8, name=INPUT)
    module = tf.Module()
    module.serve = tf.function(lambda photos: {OUTPUT: frozen(photos)[0]}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=module.serve)


def write_litert(saved_model: Path, file: Path) -> None:
    """Returns nothing; the LiteRT model of a SavedModel stands in the file."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    file.write_bytes(converter.convert())
