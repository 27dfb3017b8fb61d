"""What sweeps leave on disk: whole lines survive a kill, and are read back as they were."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.runs.recipe.plans import (
    SPACE,
    SWEPT,
    NumberRange,
    SweepPlan,
    Value,
    base_recipe,
    change_recipe,
)
from core.runs.recipe.recipe import Recipe
from core.runs.training.study import (
    TRIALS_FILE,
    Importance,
    TrialResult,
    append_trial,
    choose_settings,
    is_study_whole,
    measure_importance,
    read_importance,
    read_trials,
    sort_trials,
    write_importance,
)
from tests.training import make_trial

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d", hidden=(512, 128))
SETTINGS: dict[str, Value] = {"learning_rate": 0.00123, "hidden": "512 → 128", "batch_size": 64}


def make_two(number: int, accuracy: float = 0.5, loss: float | None = 1.0) -> TrialResult:
    """Return a trial of two epochs."""
    epochs = {"val_accuracy": (0.1, accuracy), "val_loss": (None, loss), "best_epoch": 2}
    return make_trial(number, RECIPE, SETTINGS, **epochs)


def test_trials_are_read_as_they_were_written(tmp_path: Path) -> None:
    trials = [make_two(1), make_two(2, 1 / 3, 2 / 3)]
    for trial in trials:
        append_trial(tmp_path, trial)
    assert read_trials(tmp_path) == trials
    assert read_trials(tmp_path / "nowhere") == []


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_line_cut_short_is_left_out_and_written_again(tmp_path: Path, cut: int) -> None:
    for number in (1, 2):
        append_trial(tmp_path, make_two(number))
    file = tmp_path / TRIALS_FILE
    file.write_bytes(file.read_bytes()[:-cut])
    whole = 2 if cut == 1 else 1  # only the line's end is missing
    assert len(read_trials(tmp_path)) == whole
    append_trial(tmp_path, make_two(whole + 1))
    assert [trial.number for trial in read_trials(tmp_path)] == list(range(1, whole + 2))


def test_the_best_has_the_highest_accuracy_then_the_lowest_loss() -> None:
    trials = [make_two(1, 0.8, 0.5), make_two(2, 0.9, None), make_two(3, 0.9, 0.4)]
    assert [trial.number for trial in sort_trials(trials)] == [3, 2, 1]


def test_a_study_is_whole_when_all_that_was_asked_for_is_there(tmp_path: Path) -> None:
    assert not is_study_whole(tmp_path, SweepPlan(trials=2))
    for number in (1, 2):
        append_trial(tmp_path, make_two(number))
    assert is_study_whole(tmp_path, SweepPlan(trials=2))
    assert not is_study_whole(tmp_path, SweepPlan(trials=3))


def test_importance_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_importance(tmp_path) is None
    importance = Importance(shares={"dropout": 1.0}, trials=10)
    write_importance(tmp_path, importance)
    assert read_importance(tmp_path) == importance


BASE = base_recipe(Recipe(dataset="0123456789abcdef", weights_digest="d", epochs=4))
PLAN = SweepPlan(trials=30, seed=1)


def score(settings: dict[str, Value]) -> float:
    """An accuracy that follows from the learning rate, and hardly from anything else."""
    away = abs(np.log10(float(settings["learning_rate"])) + 3)
    return float(0.9 - 0.2 * away - 0.001 * float(settings["dropout"]))


def make_scored(number: int, settings: dict[str, Value]) -> TrialResult:
    accuracy = score(settings)
    shares = tuple(accuracy * share for share in (0.5, 0.8, 0.9, 1.0))
    epochs = {"val_accuracy": shares, "val_loss": (1.0, 0.9, 0.8, 0.7), "best_epoch": 4}
    return make_trial(number, change_recipe(BASE, settings), settings, **epochs)


@pytest.fixture(scope="module")
def trials() -> list[TrialResult]:
    made: list[TrialResult] = []
    for number in range(1, PLAN.trials + 1):
        made.append(make_scored(number, choose_settings(PLAN, BASE, made)[1]))
    return made


def test_the_same_trials_lead_to_the_same_next_one(trials: list[TrialResult]) -> None:
    for done in (0, 5, 20):
        again = [dataclasses.replace(trial, seconds=9.0) for trial in trials[:done]]
        assert choose_settings(PLAN, BASE, again)[1] == trials[done].settings
    other = SweepPlan(trials=30, seed=2)
    assert choose_settings(other, BASE, trials[:20])[1] != trials[20].settings


def test_a_recipe_outside_the_space_is_tried_as_it_is() -> None:
    own = dataclasses.replace(BASE, hidden=(300, 100), batch_size=48, learning_rate=0.5)
    settings = choose_settings(PLAN, own, [])[1]
    assert change_recipe(own, settings) == own
    made = [make_scored(1, settings)]
    made[0] = dataclasses.replace(made[0], recipe=own)
    for number in range(2, 15):
        made.append(make_scored(number, choose_settings(PLAN, own, made)[1]))
    assert measure_importance(made, SWEPT).trials == 14


def test_settings_lie_in_the_space_as_they_are_told(trials: list[TrialResult]) -> None:
    for trial in trials[1:]:
        assert tuple(trial.settings) == SWEPT
        for name, value in trial.settings.items():
            space = SPACE[name]
            if isinstance(space, NumberRange):
                assert isinstance(value, float) and space.nearest(value) == value
            else:
                assert value in space.values


def test_it_learns_where_the_good_ones_are(trials: list[TrialResult]) -> None:
    early = np.mean([trial.accuracy for trial in trials[1:11]])
    late = np.mean([trial.accuracy for trial in trials[-10:]])
    assert late > early + 0.05


def test_what_decides_is_what_matters_most(trials: list[TrialResult]) -> None:
    importance = measure_importance(trials, SWEPT)
    assert next(iter(importance.shares)) == "learning_rate"
    assert importance.shares["learning_rate"] > 0.5
    assert sum(importance.shares.values()) == pytest.approx(1.0)
    assert measure_importance(trials, SWEPT) == importance


def test_trials_that_are_all_alike_explain_nothing(trials: list[TrialResult]) -> None:
    alike = [dataclasses.replace(trial, val_accuracy=(0.5,) * 4) for trial in trials]
    assert set(measure_importance(alike, SWEPT).shares.values()) == {0.0}


def test_a_trial_below_the_median_is_ended_but_not_in_its_first_epochs(
    trials: list[TrialResult],
) -> None:
    for accuracy, falls_behind in ((0.1, True), (0.99, False)):
        trial, _ = choose_settings(PLAN, BASE, trials)
        ends = []
        for epoch in (1, 2, 3):
            trial.report(accuracy, epoch)
            ends.append(bool(trial.should_prune()))
        assert ends == [False, falls_behind, falls_behind]
