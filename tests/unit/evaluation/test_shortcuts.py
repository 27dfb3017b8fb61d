"""A planted shortcut is found with the class it gives away; chance is not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.evaluation.shortcuts import Shortcut, find_shortcuts, read_class, say_shortcut
from core.evaluation.slice_search import Judged
from core.evaluation.slices import About, Property

CLASSES = ("daisy", "rose", "tulip", "poppy")
N = 800
LABELS = np.arange(N) % len(CLASSES)
LEARNT, JUDGED = np.arange(0, N // 2), np.arange(N // 2, N)


def make(values: np.ndarray, about: About = "picture", name: str = "light") -> dict[str, Property]:
    return {name: Property(name=name, label="Light", values=values, about=about)}


def find(properties: dict[str, Property], right: np.ndarray | None = None) -> list[Shortcut]:
    answers = np.ones(len(JUDGED), dtype=bool) if right is None else right
    return find_shortcuts(properties, LABELS, LEARNT, judge(JUDGED, answers), CLASSES)


def judge(photos: np.ndarray, right: np.ndarray) -> Judged:
    return Judged(photos=photos, right=right, expected=right.astype(float))


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(N)


def test_a_class_of_dark_photos_is_named() -> None:
    values = np.where(LABELS == 1, 0.1 * noise(), 0.2 + 0.8 * noise())
    (one,) = find(make(values))
    assert one.is_warned and one.separated == ["rose"]
    assert one.accuracy.value > 0.4 and one.majority == 0.25
    assert one.accuracy.low < one.accuracy.value < one.accuracy.high
    assert one.accuracy.n == len(JUDGED)
    assert say_shortcut(one, "Brightness") == "Brightness gives rose away"


def test_a_class_of_one_size_is_named() -> None:
    values = np.where(LABELS == 2, 640.0, np.where(noise() < 0.5, 500.0, 333.0))
    (one,) = find(make(values, about="file"))
    assert one.is_warned and one.separated == ["tulip"]


def test_a_class_in_its_own_folder_is_named() -> None:
    kinds = np.where(LABELS == 3, "scans", "garden")
    (one,) = find(make(kinds, about="file"))
    assert one.is_warned and "poppy" in one.separated
    assert one.classes["area"].iloc[0] == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_chance_is_no_shortcut(seed: int) -> None:
    (one,) = find(make(noise(seed), about="file"))
    assert not one.is_warned and one.separated == []
    assert abs(one.gain) < 0.1


def test_a_rare_class_among_many_is_named() -> None:
    classes = tuple(f"class {number}" for number in range(50))
    labels = np.arange(2000) % 50
    rng = np.random.default_rng(0)
    values = np.where(labels == 7, 5.0, 0.0) + rng.random(2000)
    (one,) = find_shortcuts(
        make(values),
        labels,
        np.arange(0, 1000),
        judge(np.arange(1000, 2000), np.ones(1000, dtype=bool)),
        classes,
    )
    assert one.is_warned and one.separated == ["class 7"]
    assert one.gain < 0.1  # the accuracy hardly moves


def test_the_run_is_measured_where_the_property_is_right_and_where_it_is_wrong() -> None:
    values = np.where(LABELS == 1, 0.1 * noise(), 0.2 + 0.8 * noise())
    shares = read_class(make(values)["light"], LABELS, LEARNT, JUDGED, len(CLASSES))
    points_right = shares.argmax(axis=1) == LABELS[JUDGED]
    (one,) = find(make(values), right=points_right)  # a run that relies on it
    assert (one.agrees.n, one.contradicts.n) == (points_right.sum(), (~points_right).sum())
    assert one.agrees.value == 1.0 and one.contradicts.value == 0.0


def test_areas_are_scikit_learns() -> None:
    values = 0.3 * (LABELS == 0) + np.round(noise(), 1)
    properties = make(values)
    shares = read_class(properties["light"], LABELS, LEARNT, JUDGED, len(CLASSES))
    (one,) = find(properties)
    areas = one.classes.set_index("class")["area"]
    for number, name in enumerate(CLASSES):
        expected = roc_auc_score(LABELS[JUDGED] == number, shares[:, number])
        assert areas[name] == pytest.approx(expected)


def test_flags_made_from_labels_and_constant_properties_are_skipped() -> None:
    same = make(np.zeros(N), name="same")
    flag = Property(
        name="issue", label="Issue", values=LABELS.astype(str), about="issue", searched=False
    )
    assert find(same | {"issue": flag}) == []


def test_a_kind_that_is_not_in_training_predicts_the_largest_class() -> None:
    kinds = np.where(np.arange(N) < N // 2, np.where(LABELS == 1, "a", "b"), "new")
    (one,) = find(make(kinds, about="file"))
    assert one.accuracy.value == 0.25 and not one.is_warned
