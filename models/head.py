"""The head in Keras (keras): a few dense layers on the features, which is all that is trained.

standardise → [dense, relu, dropout]* → dense, softmax; a linear head has one dropout in front. All
layers have names. models/fitting.py seeds the dropout layers anew at each epoch.
"""

from collections.abc import Sequence

import keras
import numpy as np

from core.config import FEATURE_SIZE
from models.dense import DenseHead


def build_head(
    *,
    n_classes: int,
    hidden: Sequence[int],
    dropout: float,
    learning_rate: float,
    seed: int,
    mean: np.ndarray,
    scale: np.ndarray,
) -> keras.Model:
    """Returns the compiled head: features (n, 2048) float32 → scores (n, n_classes).

    Args:
        hidden: Sizes of the hidden layers; empty for a linear head.
        dropout: Share of inputs dropped in front of each dense layer but the first hidden one.
        seed: Of the initial kernels.
        mean: (2048,) float32, subtracted from the features.
        scale: (2048,) float32, divides what is left; no zeros.
    """
    features = keras.Input((FEATURE_SIZE,), name="features")
    standardise = keras.layers.Normalization(mean=mean, variance=scale**2, name="standardise")
    x = standardise(features)
    for number, size in enumerate(hidden, 1):
        initial = keras.initializers.HeNormal(seed=seed + number)
        dense = keras.layers.Dense(
            size, activation="relu", kernel_initializer=initial, name=f"hidden_{number}"
        )
        x = keras.layers.Dropout(dropout, seed=seed, name=f"dropout_{number}")(dense(x))
    if not hidden:
        x = keras.layers.Dropout(dropout, seed=seed, name="dropout_1")(x)
    initial = keras.initializers.GlorotUniform(seed=seed)
    dense = keras.layers.Dense(
        n_classes, activation="softmax", kernel_initializer=initial, name="scores"
    )
    model = keras.Model(features, dense(x), name="head")
    # XLA takes longer to compile than TensorFlow takes for all steps of so small a model.
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    return model


def seed_dropout(model: keras.Model, seed: np.random.SeedSequence) -> None:
    """Returns nothing; what the dropout layers drop from now on follows from the seed."""
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    layers = [layer for layer in dropouts if layer.rate > 0]  # the others have no seed
    for layer, child in zip(layers, seed.spawn(len(layers)), strict=True):
        state = layer.seed_generator.state
        state.assign((child.generate_state(2) >> 1).astype(state.dtype))  # torch keeps int32


def to_dense_head(model: keras.Model) -> DenseHead:
    """Returns the same head in NumPy; its scores are equal within 1e-6."""
    standardise = model.get_layer("standardise")
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return DenseHead(
        kernels=tuple(layer.kernel.numpy() for layer in layers),
        biases=tuple(layer.bias.numpy() for layer in layers),
        mean=np.asarray(standardise.input_mean, np.float32).ravel(),
        scale=np.sqrt(np.asarray(standardise.input_variance, np.float32)).ravel(),
    )
