"""The head in Keras, and that the one in NumPy answers the same."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.dense import measure_scores
from models.fit_state import FitData
from models.fitting import fit as fit_any
from models.fitting import leave_as_is
from models.head import build_head, seed_dropout, set_dense_head, to_dense_head
from models.plan import EpochResult, FitRecord, FitResult, FitWatch, HeadShape, KeptViews
from tests.unit.models.test_fitting import HEAD, PLAN, Splits, assert_same, curve, fit


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


@pytest.fixture(scope="module")
def whole(split_features: Splits) -> FitResult:
    """A fit with the usual settings."""
    return fit(split_features, None)


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "sgd", "momentum": 0.0},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"schedule": "cosine", "warmup_epochs": 2},
        {"class_weights": True},
        {"label_smoothing": 0.1},
        {"mixup": 0.4},
    ],
    ids=str,
)
def test_every_setting_of_the_steps_matters(
    split_features: Splits, whole: FitResult, change: dict[str, Any]
) -> None:
    assert curve(fit(split_features, None, epochs=2, **change)) != curve(whole)[:2]


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "sgd", "class_weights": True, "schedule": "cosine", "warmup_epochs": 2},
        {"optimizer": "sgd", "momentum": 0.0},
        {"optimizer": "adamw", "weight_decay": 0.1, "label_smoothing": 0.1, "mixup": 0.4},
    ],
    ids=lambda change: change["optimizer"],
)
def test_every_setting_of_the_steps_is_resumed_exactly(
    split_features: Splits, whole: FitResult, tmp_path: Path, change: dict[str, Any]
) -> None:
    uninterrupted = fit(split_features, None, **change)
    assert curve(uninterrupted) != curve(whole)
    done = iter(range(3))  # asked to end after the third epoch
    fit(split_features, tmp_path, **change, should_end=lambda: next(done, None) is None)
    assert_same(fit(split_features, tmp_path, **change), uninterrupted)


def test_epochs_walk_through_the_views(split_features: Splits) -> None:
    (features, labels), _ = split_features
    views = ([features, features[::-1].copy()], labels)  # in the second, labels are of others
    mixed_up = fit(split_features, None, train=views, epochs=2)
    plain = fit(split_features, None, epochs=2)
    assert curve(mixed_up)[0] == curve(plain)[0]
    assert curve(mixed_up)[1] != curve(plain)[1]


def test_patience_ends_a_fit_and_the_best_epoch_is_kept(
    split_features: Splits, tmp_path: Path
) -> None:
    # The rate is so high that nothing gets better for long.
    result = fit(split_features, tmp_path, learning_rate=0.5, patience=2, epochs=50)
    assert result.epochs_done == result.best_epoch + 2
    assert not result.stopped
    again = fit(split_features, tmp_path, learning_rate=0.5, patience=2, epochs=50)
    assert again.history == result.history


def test_more_epochs_go_on_from_fewer(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    first = fit(split_features, tmp_path, epochs=2)
    longer = fit(split_features, tmp_path)
    assert longer.history[:2] == first.history  # durations too: they were not trained again
    assert_same(longer, whole)


def test_rare_classes_weigh_more() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [180, 20])
    features = np.zeros((200, 2048), np.float32)  # one number tells a little, the rest nothing
    features[:, 0] = 0.5 * labels + rng.normal(0, 1, 200)
    splits = (features, labels), (features, labels)
    settings: dict[str, Any] = {"n_classes": 2, "hidden": (), "dropout": 0.0, "learning_rate": 0.1}
    scores = {
        weighted: fit(splits, None, class_weights=weighted, **settings).head.scores(features)[:, 1]
        for weighted in (False, True)
    }
    assert scores[True].mean() > scores[False].mean() + 0.2


def test_patience_begins_anew_in_the_second_phase(split_features: Splits, tmp_path: Path) -> None:
    (features, labels), (val_features, val_labels) = split_features
    # The first phase was better than this one will ever be, and ended with a loss that was none.
    before = [
        EpochResult(epoch=i, loss=loss, accuracy=1, val_loss=loss, val_accuracy=1, seconds=0)
        for i, loss in enumerate((0.0, float("nan"), float("nan")), 1)
    ]
    model = build_head(HEAD, leave_as_is(2048), seed=0)
    plan = dataclasses.replace(PLAN, epochs=5, patience=4, learning_rate=1e-4)
    data = FitData(
        train=KeptViews([features], labels),
        val_labels=val_labels,
        measure=lambda _: to_dense_head(model).scores(val_features),
    )
    result = fit_any(model, data, plan, FitRecord(folder=tmp_path, before=before), FitWatch())
    assert [epoch.epoch for epoch in result.history] == list(range(1, 9))
    assert (result.best_epoch, result.stopped) == (1, False)
