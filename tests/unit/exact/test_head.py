"""The exact head against refits: each identity, in float64 and in float32."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exact.head import _GRID, ExactHead, fit_head, one_hot
from core.exact.whatif import Change, answer_changed

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, int]


@st.composite
def drawn_photos(draw: st.DrawFn) -> Drawn:
    """Draw features, labels and training photos: few or many, copies, constant features, one-photo
    classes."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n, d, k = draw(st.integers(6, 60)), draw(st.integers(1, 40)), draw(st.integers(2, 6))
    features = rng.normal(size=(n, d)) * rng.uniform(0.1, 5, d) + rng.normal(size=d)
    if draw(st.booleans()):
        features[:, 0] = 3.0
    if draw(st.booleans()):
        features[n // 2 :] = features[: n - n // 2]
    labels = rng.integers(0, k, n)
    if draw(st.booleans()):
        labels[labels == k - 1] = 0
        labels[0] = k - 1
    train = np.sort(rng.permutation(n)[: max(3, int(n * draw(st.sampled_from((0.3, 0.7, 1.0)))))])
    return features, labels, train, k


def refit(head: ExactHead, features: np.ndarray, change: Change) -> np.ndarray:
    """Return the outputs for all photos of a refit by the normal equations."""
    x = head.standard.apply(features)
    inside = x[change.train]
    gram = inside.T @ inside + head.ridge * np.eye(x.shape[1])
    targets = one_hot(change.labels[change.train], change.n_classes)
    return np.asarray(x @ np.linalg.solve(gram, inside.T @ targets))


def close(one: np.ndarray, other: np.ndarray, within: float) -> bool:
    return bool(np.abs(one - other).max() <= within * max(1.0, float(np.abs(other).max())))


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_photos(), seed=st.integers(0, 999))
def test_edits_equal_a_refit(drawn: Drawn, seed: int) -> None:
    features, labels, train, k = drawn
    head = fit_head(features, labels, train, k)
    rng = np.random.default_rng(seed)
    n = len(labels)
    edited = labels.copy()
    some = rng.permutation(n)[: rng.integers(0, n)]
    edited[some] = rng.integers(0, k + 1, len(some))  # k: a class that was not there
    kept = rng.permutation(n)[: rng.integers(1, n + 1)]  # others leave, some enter
    for change in (
        Change(labels=labels, train=train, n_classes=k),
        Change(labels=edited, train=train, n_classes=k + 1),
        Change(labels=edited, train=np.sort(kept), n_classes=k + 1),
    ):
        wanted = refit(head, features, change)
        assert close(answer_changed(head, change, np.arange(n)), wanted, 1e-6)


@settings(max_examples=25, deadline=None)
@given(drawn=drawn_photos())
def test_left_out_and_folds_equal_refits(drawn: Drawn) -> None:
    features, labels, train, k = drawn
    head = fit_head(features, labels, train, k)
    folds = np.arange(len(train)) % 3
    for place in (0, len(train) - 1):
        alone = Change(labels=labels, train=np.delete(train, place), n_classes=k)
        wanted = refit(head, features, alone)[train[place]]
        assert close(head.left_out[place], wanted, 1e-6)
        rest = Change(labels=labels, train=train[folds != folds[place]], n_classes=k)
        by_folds = answer_changed(head, rest, train[place : place + 1])[0]
        assert close(by_folds, refit(head, features, rest)[train[place]], 1e-6)


def draw_many(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw photos of classes that a line can mostly tell apart, float32 as kept features are."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, k, n)
    mixing = rng.normal(size=(d, d)) * np.exp(-np.arange(d) / 20)[:, None]
    features = rng.normal(size=(n, d)) @ mixing + 0.3 * rng.normal(size=(k, d))[labels]
    return features.astype(np.float32), labels, np.flatnonzero(rng.random(n) < 0.7)


@pytest.mark.parametrize("n", [150, 700])  # fewer photos than features, and more
def test_single_precision_is_enough(n: int) -> None:
    features, labels, train = draw_many(n, 300, 5)
    head = fit_head(features, labels, train, 5)
    edited = labels.copy()
    edited[train[:20]] = (edited[train[:20]] + 1) % 5
    change = Change(labels=edited, train=train[10:], n_classes=5)
    wanted = refit(head, features.astype(np.float64), change)
    found = answer_changed(head, change, np.arange(n))
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-4
    assert np.abs(head.to_scores(found) - head.to_scores(wanted)).max() < 1e-3


def test_the_ridge_has_the_least_leave_one_out_error(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, train = draw_many(200, 40, 3)
    head = fit_head(features.astype(np.float64), labels, train, 3)
    curve, place = head.curve, 9
    monkeypatch.setattr("core.exact.head._GRID", _GRID[[place]])
    other = fit_head(features.astype(np.float64), labels, train, 3)
    assert other.ridge == curve.ridges[place]
    targets = one_hot(labels[train], 3)
    assert ((other.left_out - targets) ** 2).sum(axis=1).mean() == pytest.approx(
        curve.errors[place]
    )
    hits = other.left_out.argmax(axis=1) == labels[train]
    assert hits.mean() == pytest.approx(curve.accuracies[place])
    assert head.ridge == curve.ridges[curve.errors.argmin()]


def test_new_photos_are_answered_like_those_of_the_dataset() -> None:
    for n in (30, 120):
        features, labels, train = draw_many(n, 60, 3)
        head = fit_head(features.astype(np.float64), labels, train, 3)
        kernel, bias = head.kernel
        assert close(head.answer(features), head.outputs, 1e-6)
        assert close(features @ kernel + bias, head.outputs, 1e-6)


def test_the_temperature_minimises_the_loss_of_left_out_photos() -> None:
    features, labels, train = draw_many(400, 40, 3)
    head = fit_head(features, labels, train, 3)
    true = labels[head.train]

    def loss(temperature: float) -> float:
        scores = replace(head, temperature=temperature).to_scores(head.left_out)
        return -float(np.log(scores[np.arange(len(true)), true]).mean())

    assert loss(head.temperature) <= min(loss(head.temperature * 1.1), loss(head.temperature / 1.1))


def test_rows_of_many_photos_are_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, train = draw_many(200, 40, 3)
    np.save(tmp_path / "features.npy", features)
    kept = np.load(tmp_path / "features.npy", mmap_mode="r")
    wanted = fit_head(kept, labels, train, 3)
    monkeypatch.setattr("core.exact.head._MOST_IN_MEMORY", 100)
    head = fit_head(kept, labels, train, 3)
    assert isinstance(head.rows, np.memmap) and not isinstance(wanted.rows, np.memmap)
    assert np.array_equal(head.outputs, wanted.outputs)
    assert [file.name for file in tmp_path.iterdir()] == ["features.npy"], "nothing is left"
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("core.exact.head.shutil.disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="No space left"):
        fit_head(kept, labels, train, 3)
