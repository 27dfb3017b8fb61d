"""The head in Keras, and that the one in NumPy answers the same."""

import keras
import numpy as np
import pytest

from models.dense import measure_scores
from models.head import build_head, seed_dropout, set_dense_head, to_dense_head
from models.plan import HeadShape


def build(hidden: tuple[int, ...], seed: int = 0, n_classes: int = 4) -> keras.Model:
    rng = np.random.default_rng(5)
    mean = rng.normal(0, 1, 2048).astype(np.float32)
    scale = rng.uniform(0.1, 3, 2048).astype(np.float32)
    model = build_head(HeadShape(n_classes=n_classes, hidden=hidden), (mean, scale), seed)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)])
def test_both_heads_give_the_same_scores(hidden: tuple[int, ...]) -> None:
    model = build(hidden)
    features = np.random.default_rng(1).normal(0, 1, (50, 2048)).astype(np.float32)
    scores = to_dense_head(model).scores(features)
    np.testing.assert_allclose(scores, model.predict(features, verbose=0), atol=1e-6)
    labels = np.random.default_rng(2).integers(0, 4, 50)
    expected = model.evaluate(features, np.eye(4)[labels], verbose=0)
    np.testing.assert_allclose(measure_scores(scores, labels), expected, rtol=1e-5)


def test_the_layers_have_names() -> None:
    def names(hidden: tuple[int, ...]) -> list[str]:
        return [layer.name for layer in build(hidden).layers[1:]]

    assert names(()) == ["standardise", "dropout_1", "scores"]
    assert names((16, 8)) == [
        "standardise",
        "hidden_1",
        "dropout_1",
        "hidden_2",
        "dropout_2",
        "scores",
    ]


def test_the_seed_decides_the_kernels() -> None:
    same, again, other = (build((8,), seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(same, again, strict=True))
    assert not np.array_equal(same[0], other[0])


def test_the_seed_decides_what_is_dropped() -> None:
    model = build((16,))
    features = np.ones((3, 2048), np.float32)

    def drop(seed: int) -> np.ndarray:
        seed_dropout(model, np.random.SeedSequence(seed))
        return np.asarray(model(features, training=True))

    assert np.array_equal(drop(1), drop(1))
    assert not np.array_equal(drop(1), drop(2))


def test_a_head_can_begin_where_another_ended() -> None:
    trained, new = build((16,), seed=1), build((16,), seed=2)
    features = np.random.default_rng(1).normal(0, 1, (5, 2048)).astype(np.float32)
    set_dense_head(new, to_dense_head(trained))
    np.testing.assert_array_equal(
        new.predict(features, verbose=0), trained.predict(features, verbose=0)
    )
