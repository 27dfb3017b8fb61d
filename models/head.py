"""The head in Keras (keras): standardise → [dense, relu, dropout]* → dense, softmax.

A linear head has one dropout in front. models/fit_state.py seeds the dropouts at each epoch.
"""

import keras
import numpy as np

from models.dense import DenseHead
from models.plan import HeadShape

Spread = tuple[np.ndarray, np.ndarray]
"""Mean and scale (width,) float32 for standardisation."""


def build_head(shape: HeadShape, spread: Spread, seed: int) -> keras.Model:
    """Return the head, not compiled: features (n, width) float32 → scores (n, k)."""
    features = keras.Input(spread[0].shape, name="features")
    return keras.Model(features, add_head(features, shape, spread, seed), name="head")


def add_head(
    features: keras.KerasTensor, shape: HeadShape, spread: Spread, seed: int
) -> keras.KerasTensor:
    """Return the scores of a new head on these features.

    Dropout precedes each dense layer except the first hidden one.
    """
    mean, scale = spread
    x = keras.layers.Normalization(mean=mean, variance=scale**2, name="standardise")(features)
    for number, size in enumerate(shape.hidden, 1):
        initial = keras.initializers.HeNormal(seed=seed + number)
        dense = keras.layers.Dense(
            size, activation="relu", kernel_initializer=initial, name=f"hidden_{number}"
        )
        x = keras.layers.Dropout(shape.dropout, seed=seed, name=f"dropout_{number}")(dense(x))
    if not shape.hidden:
        x = keras.layers.Dropout(shape.dropout, seed=seed, name="dropout_1")(x)
    initial = keras.initializers.GlorotUniform(seed=seed)
    scores = keras.layers.Dense(
        shape.n_classes, activation="softmax", kernel_initializer=initial, name="scores"
    )
    return scores(x)


def seed_dropout(model: keras.Model, seed: np.random.SeedSequence) -> None:
    """Seed the dropout layers."""
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    layers = [layer for layer in dropouts if layer.rate > 0]  # the others have no seed
    for layer, child in zip(layers, seed.spawn(len(layers)), strict=True):
        state = layer.seed_generator.state
        state.assign((child.generate_state(2) >> 1).astype(state.dtype))  # torch keeps int32


def to_dense_head(model: keras.Model) -> DenseHead:
    """Return the head of the model in NumPy, with equal scores within 1e-6."""
    standardise = model.get_layer("standardise")
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return DenseHead(
        kernels=tuple(read_array(layer.kernel) for layer in layers),
        biases=tuple(read_array(layer.bias) for layer in layers),
        mean=np.asarray(standardise.input_mean, np.float32).ravel(),
        scale=np.sqrt(np.asarray(standardise.input_variance, np.float32)).ravel(),
    )


def set_dense_head(model: keras.Model, head: DenseHead) -> None:
    """Set the weights of the model's head."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, kernel, bias in zip(layers, head.kernels, head.biases, strict=True):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)


def read_array(variable: keras.Variable) -> np.ndarray:
    """Return a copy of the variable's value, from any device."""
    return np.array(variable.numpy())
