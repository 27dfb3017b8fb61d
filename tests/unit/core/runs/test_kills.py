"""kill -9 at every epoch, for each strategy: the curve is that of a run that was left alone."""

from pathlib import Path
from typing import Any

import pytest

from core.runs.events import curve, read_events
from core.runs.queue import submit_run
from core.runs.result import RunResult, read_result
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.policy import PRESETS
from tests.dying import Death, train_and_kill
from tests.training import MEASURED, change_recipe, copy_workspace

EPOCHS = 8
STRATEGIES: dict[str, dict[str, Any]] = {
    "head": {"hidden": (16,), "augmentation": PRESETS["gentle"], "views": 2},
    "last_stage": {"augmentation": PRESETS["gentle"], "views": 2},
    "full": {"augmentation": PRESETS["gentle"], "optimizer": "sgd"},
    "two_phases": {"head_epochs": 3, "unfrozen": 2, "optimizer": "adamw"},
}
DEATHS: list[Death] = [(epoch, "amid" if epoch % 2 else "after") for epoch in range(1, EPOCHS + 1)]
"""One at each epoch, in turns amid it and when its checkpoint stands but nobody was told."""


def without_measures(epochs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what a curve says of the learning, not of the machine."""
    return [{key: value for key, value in epoch.items() if key not in MEASURED} for epoch in epochs]


def train_twice(
    source: Workspace, folder: Path, deaths: list[Death], **changes: Any
) -> tuple[list[tuple[RunResult, list[dict[str, Any]]]], list[str]]:
    """Returns result and curve without and with what happens to its workers, and their ends."""
    jobs: list[tuple[Workspace, RunRecord, list[Death]]] = []
    for name, happens in (("undisturbed", []), ("disturbed", deaths)):
        workspace = Workspace(folder / name)
        copy_workspace(source, workspace)
        recipe = change_recipe(workspace, epochs=EPOCHS, batch_size=8, **changes)
        jobs.append((workspace, submit_run(workspace, recipe)[0], happens))
    ends = train_and_kill(jobs)
    assert ends[0] == [ends[1][-1]] == ["done"], [
        read_run(workspace, run.id).problem for workspace, run, _ in jobs
    ]
    answers = []
    for workspace, run, _ in jobs:
        events = read_events(workspace.run_folder(run.id))[0]
        answers.append((read_result(workspace, run.id), without_measures(curve(events))))
    return answers, ends[1][:-1]


def assert_equal(answers: list[tuple[RunResult, list[dict[str, Any]]]]) -> None:
    """Bit for bit, but for what depends on the machine."""
    (expected, told), (found, told_again) = answers
    assert len(told) == EPOCHS and told_again == told
    assert without_measures(found.history) == without_measures(expected.history) == told
    assert found.best_epoch == expected.best_epoch
    assert (found.scores == expected.scores).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_kills_at_every_epoch_change_nothing(
    trained_workspace: Workspace, tmp_path: Path, strategy: str
) -> None:
    settings = {"strategy": strategy, **STRATEGIES[strategy]}
    answers, ends = train_twice(trained_workspace, tmp_path, DEATHS, **settings)
    assert ends == ["killed"] * len(DEATHS)
    assert_equal(answers)


def test_a_full_disk_ends_the_run_and_its_last_checkpoint_goes_on(
    trained_workspace: Workspace, tmp_path: Path
) -> None:
    deaths: list[Death] = [(1, "full disk"), (3, "after"), (4, "full disk")]
    answers, ends = train_twice(trained_workspace, tmp_path, deaths, hidden=(128,))
    assert ends == ["disk_full", "killed", "disk_full"]
    assert_equal(answers)
