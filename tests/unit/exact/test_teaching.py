"""A class taught on the spot: what it learns, and what it does to the others, against refits."""

import numpy as np

from core.exact.head import ExactHead, fit_head
from core.exact.teaching import teach

CLASSES = ("daisy", "rose", "tulip")


def draw(n: int, label: int, seed: int) -> np.ndarray:
    """Draw features (n, 30) of photos of a class."""
    rng = np.random.default_rng(seed)
    return 1.6 * np.eye(30)[label] + 0.5 * rng.normal(size=(n, 30))


def fit_known() -> tuple[ExactHead, np.ndarray]:
    """Return a head of three classes, and the photos that judge it."""
    features = np.vstack([draw(60, label, label) for label in range(3)])
    labels = np.repeat(np.arange(3), 60)
    train = np.flatnonzero(np.arange(180) % 3 > 0)
    return fit_head(features, labels, train, 3), np.flatnonzero(np.arange(180) % 3 == 0)


def test_three_photos_teach_a_new_class() -> None:
    head, judged = fit_known()
    was = head.outputs.copy()
    trial = teach(head, CLASSES, "comet", draw(3, 3, 9), judged)
    assert trial.classes == (*CLASSES, "comet") and trial.label == 3
    others = draw(40, 3, 10)
    assert sum(trial.answer(one)[0] == "comet" for one in others) >= 35
    assert 0 <= trial.recognised <= 3
    assert (head.outputs == was).all()  # the head that stands beside it is as it was
    effect = trial.effect
    right = head.outputs[judged].argmax(axis=1) == head.labels[judged]
    now = np.array([trial.answer(one)[0] for one in draw(20, 0, 11)])
    assert (now == "daisy").mean() > 0.8
    assert effect.comparison.n == len(judged) == 60
    assert effect.comparison.accuracy_a == right.mean()
    assert 3 not in effect.before


def test_a_known_class_gets_more_photos_and_no_column() -> None:
    head, judged = fit_known()
    photos = draw(4, 1, 12)
    trial = teach(head, CLASSES, "rose", photos, judged)
    assert trial.classes == CLASSES and trial.label == 1
    assert trial.answer(photos[0])[0] == trial.answer(photos[0], 0)[0] == "rose"
    assert trial.answer(photos[0], 0)[1] < trial.answer(photos[0])[1]  # it has not seen it


def test_a_class_without_a_photo_is_not_answered() -> None:
    head, judged = fit_known()
    empty = fit_head(head.to_rows(draw(9, 0, 3)), np.zeros(9, int), np.arange(9), 2)
    trial = teach(empty, ("daisy", "nothing"), "comet", draw(3, 3, 9) @ np.eye(30, 31), judged[:2])
    assert {trial.answer(one)[0] for one in draw(20, 5, 1) @ np.eye(30, 31)} <= {"daisy", "comet"}
