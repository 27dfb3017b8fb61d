"""The verdict on baselines: paired, adjusted for their number, and careful in words."""

import numpy as np
import pytest

from core.evaluation.baselines import compare_baselines, describe_worth, find_strongest
from core.evaluation.comparison import exact_mcnemar
from core.evaluation.intervals import wilson_interval

CLASSES = ["a", "b", "c"]
LABELS = np.repeat([0, 1, 2], 40)


def answer(right: int) -> np.ndarray:
    """Return answers of which the first so many are right."""
    return np.where(np.arange(len(LABELS)) < right, LABELS, (LABELS + 1) % 3)


def test_each_baseline_is_compared_on_the_same_photos() -> None:
    baselines = {"features_1": answer(80), "majority": answer(40)}
    besides = compare_baselines(LABELS, answer(90), baselines, CLASSES)
    assert [one.name for one in besides] == ["majority", "features_1"]  # in the order of the idea
    majority, features = besides
    assert majority.accuracy.value == pytest.approx(40 / 120)
    assert (majority.accuracy.low, majority.accuracy.high) == wilson_interval(40, 120)
    assert (features.compared.gained, features.compared.lost) == (10, 0)
    # Holm: the larger of two p-values stays, the smaller is doubled.
    assert features.p_value == exact_mcnemar(10, 0)
    assert majority.p_value == pytest.approx(2 * exact_mcnemar(50, 0))


@pytest.mark.parametrize(
    ("run", "colours", "features", "said"),
    [
        (100, 50, 80, ["Yes, ResNet-50 is worth it.", "Training adds to its features."]),
        (100, 50, 98, ["Yes,", "What training adds to its features is not told apart"]),
        (50, 90, 100, ["No: colours", "Training took away"]),
        (60, 60, 60, ["No: a simple rule answers as well.", "Training adds nothing"]),
        (61, 60, 60, ["Not shown", "What training adds"]),
    ],
)
def test_verdicts(run: int, colours: int, features: int, said: list[str]) -> None:
    baselines = {
        "majority": answer(40),
        "colours_1": answer(colours),
        "features_5": answer(features),
    }
    found = describe_worth(compare_baselines(LABELS, answer(run), baselines, CLASSES))
    assert len(found) == len(said)
    for worth, beginning in zip(found, said, strict=True):
        assert worth.verdict.startswith(beginning)
        assert "120 photos" in worth.facts


def test_interval_p_and_sentence_of_a_comparison_agree() -> None:
    """3 photos gained and none lost of 5: 25 of 100 equal rules split so, whatever is adjusted."""
    labels, run = np.zeros(5, np.int64), np.array([0, 0, 0, 1, 1])
    baselines = {name: np.ones(5, np.int64) for name in ("majority", "colours_1")}
    besides = compare_baselines(labels, run, baselines, CLASSES)
    low, high = besides[0].interval
    assert low < 0 < high and besides[0].p_value == 0.5
    (worth,) = describe_worth(besides)
    assert worth.verdict.startswith("Not shown")
    assert "in 25 of 100 comparisons. Adjusted for 2 rules (Holm), p = 0.5." in worth.facts
    for gained in range(5, 12):
        for one in compare_baselines(
            LABELS,
            answer(60 + gained),
            {"majority": answer(40), "colours_1": answer(50), "features_1": answer(60)},
            CLASSES,
        ):
            assert (one.interval[0] > 0) == (one.p_value < 0.05)


def test_without_features_nothing_is_said_of_training() -> None:
    besides = compare_baselines(LABELS, answer(90), {"majority": answer(40)}, CLASSES)
    assert find_strongest(besides, uses_network=True) is None
    assert len(describe_worth(besides)) == 1


def test_no_photos_say_nothing() -> None:
    none = np.empty(0, np.int64)
    assert describe_worth(compare_baselines(none, none, {"majority": none}, CLASSES)) == []
