"""Runs that differ in their seed only are one row: mean, spread and number."""

import dataclasses
import math

import pytest

from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, fold_repeats
from core.workspace import Workspace


def make_run(workspace: Workspace, accuracy: float | None = None, **changes: object) -> RunRecord:
    recipe = Recipe(dataset="0123456789abcdef", weights_digest="w", **changes)  # type: ignore[arg-type]
    run, _ = submit_run(workspace, recipe)
    if accuracy is None:
        return run
    return dataclasses.replace(run, state="done", best_val_accuracy=accuracy, val_photos=100)


def test_seeds_are_folded_and_nothing_else(workspace: Workspace) -> None:
    accuracies = (0.80, 0.84, 0.88)
    seeds = [make_run(workspace, each, seed=i) for i, each in enumerate(accuracies)]
    other = make_run(workspace, 0.5, epochs=3)
    folded = fold_repeats([seeds[0], other, *seeds[1:]])
    assert [one.runs for one in folded] == [tuple(seeds), (other,)]
    assert folded[0].mean_accuracy == pytest.approx(0.84)
    assert folded[0].spread == pytest.approx(0.04)
    assert folded[1].mean_accuracy == 0.5
    assert math.isnan(folded[1].spread)


def test_only_finished_runs_are_measured(workspace: Workspace) -> None:
    waiting = make_run(workspace, seed=0)
    (folded,) = fold_repeats([waiting, make_run(workspace, 0.7, seed=1)])
    assert len(folded.measured) == 1
    assert folded.mean_accuracy == 0.7
    (alone,) = fold_repeats([waiting])
    assert alone.mean_accuracy is None


def test_a_stopped_run_stands_alone(workspace: Workspace) -> None:
    stopped = dataclasses.replace(make_run(workspace, 0.6, seed=0), stopped=True)
    assert len(fold_repeats([stopped, make_run(workspace, 0.7, seed=1)])) == 2
