"""Dials: any labels, λ and subset as a refit would answer; labels spoilt as asked; shuffles."""

import numpy as np
import pytest

from core.exact.dials import make_dial, shuffle_labels, spoil_labels
from core.instant.head import ExactHead, fit_head


def make_head(width: int = 40) -> ExactHead:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 300)
    features = rng.normal(size=(300, width)) + 1.5 * np.eye(3, width)[labels]
    return fit_head(features, labels, np.arange(200), 3, ridge=5.0)


@pytest.mark.parametrize("size", [20, 150, 200])
@pytest.mark.parametrize("ridge", [0.5, 50.0])
def test_a_dial_answers_like_a_refit(size: int, ridge: float) -> None:
    head, judged = make_head(), np.arange(200, 300)
    dial = make_dial(head, head.train[:size], judged)
    labels = np.random.default_rng(2).integers(0, 3, size)
    x = head.rows[:size]
    refit = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ np.eye(3)[labels])
    assert np.abs(dial.answer(labels, 3, ridge) - head.rows[judged] @ refit).max() < 1e-8


def test_spoilt_labels_are_as_many_as_asked_and_wrong_and_nested() -> None:
    labels = np.random.default_rng(3).integers(0, 4, 400)
    pairs = np.zeros((4, 4))
    pairs[0, 1] = pairs[1, 0] = pairs[2, 3] = 1  # 3 is taken for none: it becomes any
    little, much = spoil_labels(labels, 0.1, pairs), spoil_labels(labels, 0.5, pairs)
    assert (little != labels).sum() == 40 and (much != labels).sum() == 200
    changed = little != labels
    assert np.array_equal(little[changed], much[changed])
    assert set(much[(labels == 0) & (much != labels)]) == {1}
    assert set(much[(labels == 3) & (much != labels)]) == {0, 1, 2}
    assert np.array_equal(spoil_labels(labels, 0.0, pairs), labels)
    assert (spoil_labels(labels, 1.0, np.ones((4, 4))) != labels).all()
    one = np.zeros(9, int)
    assert np.array_equal(spoil_labels(one, 0.5, np.ones((1, 1))), one)


def test_shuffled_labels_are_near_chance_and_the_real_ones_are_not() -> None:
    head, judged = make_head(), np.arange(200, 300)
    dial, true = make_dial(head, head.train, judged), head.labels[judged]
    shuffled = shuffle_labels(dial, head.labels[:200], true, 3, head.ridge)
    real = (dial.predict(head.labels[:200], 3, head.ridge) == true).mean()
    assert shuffled.shape == (200,) and abs(shuffled.mean() - 1 / 3) < 0.05
    assert real > shuffled.max()
