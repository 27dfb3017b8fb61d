"""Training a head: the curve, its best epoch, the stop, and going on as if nothing had happened."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import RunStopped
from models.fitting import HeadFit, fit_head, warm_up
from models.plan import FitPlan, FitResult, FitWatch, HeadShape

Split = tuple[np.ndarray, np.ndarray]
Splits = tuple[Split, Split]
Curve = list[dict[str, Any]]


PLAN = FitPlan(learning_rate=3e-3, epochs=6, seed=3)
HEAD = HeadShape(n_classes=4, hidden=(12,))
UNTIMED = {"seconds": 0, "photos_per_second": 0}


def fit(splits: Splits, folder: Path | None, **changes: Any) -> FitResult:
    """Return a short fit; `changes` replace arguments, or values of the plan or the head."""
    plan, head = (
        dataclasses.replace(one, **{n: changes.pop(n) for n in list(changes) if hasattr(one, n)})
        for one in (PLAN, HEAD)
    )
    names = {one.name for one in dataclasses.fields(FitWatch)}
    watch = FitWatch(**{name: changes.pop(name) for name in list(changes) if name in names})
    photos: dict[str, Any] = {
        "train": ([splits[0][0]], splits[0][1]),
        "validation": ([splits[1][0]], splits[1][1]),
        "standardise": True,
    }
    return fit_head(HeadFit(**photos | changes, shape=head, plan=plan), folder, watch)


def curve(result: FitResult) -> Curve:
    """Return the curve without its durations and what follows from them."""
    return [dataclasses.asdict(epoch) | UNTIMED for epoch in result.history]


def assert_same(one: FitResult, other: FitResult) -> None:
    """Fail unless both are equal, bit for bit."""
    assert curve(one) == curve(other)
    assert one.best_epoch == other.best_epoch
    for name in ("kernels", "biases"):
        pairs = zip(getattr(one.head, name), getattr(other.head, name), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def whole(split_features: Splits, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """A fit that nothing interrupted."""
    return fit(split_features, tmp_path_factory.mktemp("whole"))


def test_it_learns_and_keeps_the_best_epoch(split_features: Splits, whole: FitResult) -> None:
    assert [epoch.epoch for epoch in whole.history] == [1, 2, 3, 4, 5, 6]
    assert (whole.epochs_done, whole.stopped) == (6, False)
    best = min(whole.history, key=lambda epoch: epoch.val_loss or 0.0)
    assert whole.best_epoch == best.epoch
    features, labels = split_features[1]
    right = whole.head.scores(features).argmax(axis=1) == labels
    assert right.mean() == pytest.approx(best.val_accuracy)
    assert right.mean() > 0.6  # chance is 0.25


def test_equal_arguments_give_equal_results(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    assert_same(fit(split_features, tmp_path), whole)


@pytest.mark.parametrize("change", [{"seed": 4}, {"dropout": 0.4}, {"batch_size": 31}])
def test_other_arguments_give_other_curves(
    split_features: Splits, whole: FitResult, tmp_path: Path, change: dict[str, Any]
) -> None:
    assert curve(fit(split_features, tmp_path, **change)) != curve(whole)


def test_training_loss_is_the_mean_over_all_photos(split_features: Splits, tmp_path: Path) -> None:
    features, labels = split_features[0]
    still = {"validation": ([features], labels), "dropout": 0.0, "learning_rate": 0.0, "epochs": 1}
    epoch = fit(split_features, tmp_path, **still).history[0]  # nothing moves: both must agree
    assert epoch.loss == pytest.approx(epoch.val_loss, rel=1e-5)
    assert epoch.accuracy == pytest.approx(epoch.val_accuracy)


def test_training_photos_are_measured_after_the_epoch_as_validation_is(
    split_features: Splits, tmp_path: Path
) -> None:
    features, labels = split_features[0]
    same = {"validation": ([features], labels), "plain": features, "epochs": 2}
    epoch = fit(split_features, tmp_path, **same).history[1]
    assert epoch.train_loss == pytest.approx(epoch.val_loss, rel=1e-5)
    assert epoch.train_accuracy == epoch.val_accuracy
    assert epoch.accuracy < 0.9 * (epoch.train_accuracy or 0)  # dropout, and it still learned


def test_a_stop_drops_the_epoch_that_goes_and_keeps_the_rest(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    asked = iter(range(1000))
    stopped = fit(split_features, tmp_path, should_stop=lambda: next(asked) >= 5)  # 2 an epoch
    assert (stopped.epochs_done, stopped.stopped) == (2, True)
    assert curve(stopped) == curve(whole)[:2]
    assert_same(fit(split_features, tmp_path), whole)  # and it can go on


def test_a_stop_before_the_first_epoch_leaves_nothing(
    split_features: Splits, tmp_path: Path
) -> None:
    asked = iter(range(1000))
    with pytest.raises(RunStopped):
        fit(split_features, tmp_path, should_stop=lambda: next(asked) >= 1)


def test_a_finished_fit_is_told_again_without_training(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    first = fit(split_features, tmp_path)
    again = fit(split_features, tmp_path)
    assert again.history == first.history  # durations too: nothing was computed anew
    assert_same(again, whole)


def test_a_damaged_checkpoint_is_not_used(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    fit(split_features, tmp_path, epochs=3)
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:-500])
    assert_same(fit(split_features, tmp_path), whole)


def test_a_checkpoint_of_other_photos_is_not_used(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    (features, labels), validation = split_features
    fit(((features + 1, labels), validation), tmp_path, epochs=3)
    assert_same(fit(split_features, tmp_path), whole)


def test_without_validation_photos_the_training_loss_decides(
    split_features: Splits, tmp_path: Path
) -> None:
    train = split_features[0]
    result = fit((train, (train[0][:0], train[1][:0])), tmp_path, epochs=3)
    assert {epoch.val_loss for epoch in result.history} == {None}
    assert {epoch.val_accuracy for epoch in result.history} == {None}
    losses = [epoch.loss for epoch in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))


def test_features_may_be_left_as_they_are(split_features: Splits, tmp_path: Path) -> None:
    head = fit(split_features, tmp_path, standardise=False, hidden=(), epochs=1).head
    assert (head.mean == 0).all()
    assert (head.scale == 1).all()
    assert len(head.kernels) == 1


def test_warming_up_leaves_nothing_that_changes_a_fit(
    split_features: Splits, whole: FitResult, tmp_path: Path
) -> None:
    warm_up()
    assert_same(fit(split_features, tmp_path), whole)
