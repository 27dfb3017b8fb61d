"""Check questions have the answers that going through all possible ones gives."""

import numpy as np
import pytest

from core.evaluation.comparison import compare_predictions
from core.evaluation.intervals import wilson_interval
from core.teaching import checks
from core.teaching.live_head import LiveEpoch
from tests.unit.evaluation.test_comparison import make_changes


def curve(*losses: float) -> list[LiveEpoch]:
    """Return epochs with these losses on validation photos."""
    return [
        LiveEpoch(number=n, loss=loss, accuracy=0.5, validation_loss=loss, validation_accuracy=0.5)
        for n, loss in enumerate(losses, 1)
    ]


def test_a_rate_with_the_most_right_answers_is_right_and_others_say_where_to_go() -> None:
    shares = np.array([0.2, 0.5, 0.82, 0.84, 0.83, 0.839, 0.2])
    target = checks.find_target(shares)
    assert target == 0.83  # the third best, in whole percent
    verdicts = [checks.judge_rate(shares, 400, target, place) for place in range(7)]
    wrong = [one.wrong for one in verdicts]
    assert wrong == ["too_slow", "too_slow", "too_slow", "", "", "", "too_fast"]
    near = checks.judge_rate(np.array([0.8297, 0.9]), 100, 0.83, 0)
    assert near.facts["reached"] == "82.97 %"  # 83 % would look like enough


def test_an_epoch_is_right_near_the_best_one_or_where_the_curve_is_as_low() -> None:
    epochs = curve(2.0, 1.5, 1.2, 1.0, 0.8, 0.9, 1.1, 1.3, 0.805)
    right = [n for n in range(1, 10) if not checks.judge_epoch(epochs, n).wrong]
    assert right == [3, 4, 5, 6, 7, 9]
    assert checks.judge_epoch(epochs, 1).wrong == "too_early"
    assert checks.judge_epoch(epochs, 8).wrong == "too_late"


def test_the_first_turn_that_changes_the_answer_is_right_or_never() -> None:
    turns, names = (10, 45, 90), ("a", "b", "c")
    flips = [[False, True, True], [False, False, False], [True, False, False]]
    verdicts = [[checks.judge_flip(turns, one, names, n) for n in range(4)] for one in flips]
    wrong = [[one.wrong for one in each] for each in verdicts]
    assert wrong[0] == ["too_small", "", "too_large", "too_large"]
    assert wrong[1] == ["too_small", "too_small", "too_small", ""]
    assert wrong[2] == ["", "too_large", "too_large", "too_large"]
    assert [each[3].facts["first"] for each in verdicts] == ["at 45°", "never", "at 10°"]


def test_the_first_number_of_photos_that_reaches_the_target_is_right() -> None:
    sizes, shares = [10, 20, 40, 80], np.array([0.5, 0.62, 0.6, 0.7])
    verdicts = [checks.judge_photos(sizes, shares, 500, 0.6, place) for place in range(4)]
    assert [one.wrong for one in verdicts] == ["too_few", "", "too_many", "too_many"]
    assert verdicts[1].facts["photos"] == "20"


def test_a_mean_of_equal_shares_reaches_its_share() -> None:
    shares = np.array([0.5, np.nextafter(0.6, 0)])
    verdict = checks.judge_photos([10, 20], shares, 10, 0.6, 1)
    assert (verdict.wrong, verdict.facts["reached"]) == ("", "60 %")


def test_a_class_taken_for_two_others_equally_often_has_two_right_answers() -> None:
    matrix = np.array([[9, 4, 4, 1], [0, 5, 0, 0], [1, 0, 5, 0], [0, 0, 0, 5]])
    names = ["a", "b", "c", "d"]
    wrong = [checks.judge_confusion(matrix, names, 0, asked).wrong for asked in (1, 2, 3)]
    assert wrong == ["", "", "not_most"]


def test_the_lowest_threshold_whose_interval_reaches_the_target_is_right() -> None:
    by_threshold = np.array([[100, 80], [80, 78], [40, 40], [30, 29], [19, 19], [0, 0]])
    lows = checks.find_lows(by_threshold)
    assert lows[0] == wilson_interval(80, 100)[0] and lows[4] == lows[5] == 0
    wrong = [checks.judge_threshold(by_threshold, 100, 0.85, asked).wrong for asked in range(6)]
    assert wrong == ["too_low", "", "too_high", "too_few", "too_few", "too_few"]


def test_the_photo_that_excites_most_of_those_offered_is_right() -> None:
    values = np.array([0.0, 0.1, 0.2, 0.9, 1.0])
    offered = {4: 0.9, 7: 0.1, 9: 0.0}
    said = {
        chosen: checks.judge_excited(offered, values, chosen) for chosen in [(4,), (7,), (), (4, 7)]
    }
    assert [one.wrong for one in said.values()] == ["", "not_this", "not_one", "not_one"]
    assert said[4,].facts["share"] == "60 %"


@pytest.mark.parametrize(
    ("lost", "first"), [(0, "100"), (12, "1,000"), (18, "30,000"), (20, "more than 100,000")]
)
def test_as_many_photos_as_tell_two_runs_apart_are_right(lost: int, first: str) -> None:
    seen = compare_predictions(*make_changes(20, lost, 200), ["a", "b"])
    wrong = [checks.judge_need(seen, place).wrong for place in range(len(checks.NEEDS) + 1)]
    right = wrong.index("")
    assert checks.say_need(right) == first
    assert set(wrong[:right]) <= {"too_few"} and set(wrong[right + 1 :]) <= {"too_many"}
