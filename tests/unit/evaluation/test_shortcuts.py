"""A planted shortcut is warned of, with the class it gives away; without one there is silence."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.evaluation.shortcuts import (
    Shortcut,
    find_shortcuts,
    measure_knowing,
    read_class,
    say_shortcut,
)
from core.evaluation.slices import About, Property

CLASSES = ("daisy", "rose", "tulip", "poppy")
N = 800
LABELS = np.arange(N) % len(CLASSES)
LEARNT, JUDGED = np.arange(0, N // 2), np.arange(N // 2, N)


def make(values: np.ndarray, about: About = "picture", name: str = "light") -> dict[str, Property]:
    return {name: Property(name=name, label="Light", values=values, about=about)}


def find(properties: dict[str, Property], right: np.ndarray | None = None) -> list[Shortcut]:
    judged = np.ones(len(JUDGED), dtype=bool) if right is None else right
    return find_shortcuts(properties, LABELS, LEARNT, JUDGED, judged, CLASSES)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(N)


def test_one_class_that_is_all_dark_is_warned_of_by_name() -> None:
    values = np.where(LABELS == 1, 0.1 * noise(), 0.2 + 0.8 * noise())
    (one,) = find(make(values))
    assert one.is_warned and one.told_apart == ["rose"]
    assert one.accuracy > 0.4 and one.majority == 0.25
    assert one.low < one.accuracy < one.high and one.n == len(JUDGED)
    assert one.p_value < 0.05
    assert say_shortcut(one, "Brightness") == "Brightness gives rose away"


def test_one_class_of_one_size_is_warned_of() -> None:
    values = np.where(LABELS == 2, 640.0, np.where(noise() < 0.5, 500.0, 333.0))
    (one,) = find(make(values, about="file"))
    assert one.is_warned and one.told_apart == ["tulip"]


def test_a_folder_that_names_the_class_is_warned_of() -> None:
    kinds = np.where(LABELS == 3, "scans", "garden")
    (one,) = find(make(kinds, about="file"))
    assert one.is_warned and "poppy" in one.told_apart
    assert one.classes["area"].iloc[0] == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_without_a_shortcut_nothing_is_said(seed: int) -> None:
    (one,) = find(make(noise(seed), about="file"))
    assert not one.is_warned and one.told_apart == []
    assert abs(one.gain) < 0.1


def test_a_rare_class_among_many_is_still_told() -> None:
    classes = tuple(f"class {number}" for number in range(50))
    labels = np.arange(2000) % 50
    rng = np.random.default_rng(0)
    values = np.where(labels == 7, 5.0, 0.0) + rng.random(2000)
    (one,) = find_shortcuts(
        make(values),
        labels,
        np.arange(0, 1000),
        np.arange(1000, 2000),
        np.ones(1000, dtype=bool),
        classes,
    )
    assert one.is_warned and one.told_apart == ["class 7"]
    assert one.gain < 0.1  # the whole hardly moves


def test_the_run_is_set_beside_where_it_holds_and_where_it_fails() -> None:
    values = np.where(LABELS == 1, 0.1 * noise(), 0.2 + 0.8 * noise())
    shares = read_class(make(values)["light"], LABELS, LEARNT, JUDGED, CLASSES)
    points_right = shares.argmax(axis=1) == LABELS[JUDGED]
    (one,) = find(make(values), right=points_right)  # a run that follows it blindly
    assert (one.agrees.n, one.contradicts.n) == (points_right.sum(), (~points_right).sum())
    assert one.agrees.accuracy == 1.0 and one.contradicts.accuracy == 0.0


def test_areas_are_scikit_learns() -> None:
    values = 0.3 * (LABELS == 0) + np.round(noise(), 1)
    properties = make(values)
    shares = read_class(properties["light"], LABELS, LEARNT, JUDGED, CLASSES)
    (one,) = find(properties)
    areas = one.classes.set_index("class")["area"]
    for number, name in enumerate(CLASSES):
        expected = roc_auc_score(LABELS[JUDGED] == number, shares[:, number])
        assert areas[name] == pytest.approx(expected)


def test_flags_made_from_labels_and_properties_that_part_nothing_are_left_out() -> None:
    same = make(np.zeros(N), name="same")
    flag = Property(
        name="issue", label="Issue", values=LABELS.astype(str), about="issue", searched=False
    )
    assert find(same | {"issue": flag}) == []


def test_a_kind_never_seen_in_training_says_no_more_than_chance() -> None:
    kinds = np.where(np.arange(N) < N // 2, np.where(LABELS == 1, "a", "b"), "new")
    (one,) = find(make(kinds, about="file"))
    assert one.accuracy == 0.25 and not one.is_warned


@pytest.mark.parametrize("better", [0, 8, 15])
def test_of_many_photos_chance_is_the_same_without_dealing(better: int) -> None:
    rng = np.random.default_rng(better)
    truth, answers = rng.integers(0, 4, 400), rng.integers(0, 4, 400)
    answers[:better] = truth[:better]
    dealt = measure_knowing(answers, truth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.evaluation.shortcuts._DEALT_UP_TO", 100)
        assert measure_knowing(answers, truth) == pytest.approx(dealt, abs=0.05)
        assert measure_knowing(np.zeros(400, dtype=np.int64), truth) == 1.0
        assert measure_knowing(truth, truth) < 1e-9
