"""What sweeps leave on disk: whole lines survive a kill, and are read back as they were."""

from pathlib import Path

import pytest

from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.runs.training.study import (
    TRIALS_FILE,
    Importance,
    TrialResult,
    append_trial,
    is_study_whole,
    read_importance,
    read_trials,
    sort_trials,
    write_importance,
)


def make_trial(number: int, accuracy: float = 0.5, loss: float | None = 1.0) -> TrialResult:
    return TrialResult(
        number=number,
        settings={"learning_rate": 0.00123, "hidden": "512 → 128", "batch_size": 64},
        recipe=Recipe(dataset="0123456789abcdef", weights_digest="d", hidden=(512, 128)),
        val_accuracy=(0.1, accuracy),
        val_loss=(None, loss),
        best_epoch=2,
        pruned=False,
        seconds=1.5,
    )


def test_trials_are_read_as_they_were_written(tmp_path: Path) -> None:
    trials = [make_trial(1), make_trial(2, 1 / 3, 2 / 3)]
    for trial in trials:
        append_trial(tmp_path, trial)
    assert read_trials(tmp_path) == trials
    assert read_trials(tmp_path / "nowhere") == []


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_line_cut_short_is_left_out_and_written_again(tmp_path: Path, cut: int) -> None:
    for number in (1, 2):
        append_trial(tmp_path, make_trial(number))
    file = tmp_path / TRIALS_FILE
    file.write_bytes(file.read_bytes()[:-cut])
    whole = 2 if cut == 1 else 1  # only the line's end is missing
    assert len(read_trials(tmp_path)) == whole
    append_trial(tmp_path, make_trial(whole + 1))
    assert [trial.number for trial in read_trials(tmp_path)] == list(range(1, whole + 2))


def test_the_best_has_the_highest_accuracy_then_the_lowest_loss() -> None:
    trials = [make_trial(1, 0.8, 0.5), make_trial(2, 0.9, None), make_trial(3, 0.9, 0.4)]
    assert [trial.number for trial in sort_trials(trials)] == [3, 2, 1]


def test_a_study_is_whole_when_all_that_was_asked_for_is_there(tmp_path: Path) -> None:
    assert not is_study_whole(tmp_path, SweepPlan(trials=2))
    for number in (1, 2):
        append_trial(tmp_path, make_trial(number))
    assert is_study_whole(tmp_path, SweepPlan(trials=2))
    assert not is_study_whole(tmp_path, SweepPlan(trials=3))


def test_importance_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_importance(tmp_path) is None
    importance = Importance(shares={"dropout": 1.0}, trials=10)
    write_importance(tmp_path, importance)
    assert read_importance(tmp_path) == importance
