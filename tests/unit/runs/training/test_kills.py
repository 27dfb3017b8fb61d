"""kill -9, for each strategy: the curve is that of a run that was left alone.

A worker dies in the middle of an epoch, or when its checkpoint stands but nobody was told of it
yet; or it meets a full disk. Each is a fork (tests/forking.py), so that a run can be killed at each
of its epochs in the time that one worker would need to start. Stages are of a small network, and of
ResNet-50 once; see tests/small_resnet.py.
"""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from core.runs.queue.queue import mark_lost, queue_lost_runs, retry_run, submit_run
from core.runs.result import RunResult, read_result
from core.runs.run_files import curve, read_events
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace, open_workspace
from data.importing import import_source
from data.policy import PRESETS
from tests.builders import CLASSES, write_class_folders
from tests.forking import fork_worker
from tests.processes import PATIENCE_S
from tests.training import copy_workspace, leave_out_measures, make_recipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_resnet")]

When = Literal["amid", "after", "full disk"]
Death = tuple[int, When]
"""The epoch, from 1, and what happens in it."""

STRATEGIES: dict[str, dict[str, Any]] = {
    "head": {
        "epochs": 8,
        "augmentation": PRESETS["gentle"],
        "views": 2,
        "hidden": (16,),
        "optimizer": "sgd",
        "mixup": 0.2,
    },
    "last_stage": {
        "augmentation": PRESETS["gentle"],
        "views": 2,
        "learning_rate": 1e-5,
        "schedule": "plateau",
    },
    "full": {
        "epochs": 3,
        "augmentation": PRESETS["gentle"],
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "learning_rate": 1e-5,
        "schedule": "cosine",
        "warmup_epochs": 1,
    },
    "two_phases": {"head_epochs": 2, "unfrozen": 2, "fine_learning_rate": 1e-6, "mixup": 0.2},
}
"""Rates are small where stages are trained: random weights amplify, and NaN equals all NaN."""
DEATHS: list[Death] = [(epoch, "amid" if epoch % 2 else "after") for epoch in range(1, 9)]
"""One at each epoch, in turns amid it and when its checkpoint stands but nobody was told."""
FEW: list[Death] = [(2, "amid"), (3, "after")]
"""For stages, whose steps take long to trace: in the last epoch of the head alone, and later."""


def train_and_kill(workspace: Workspace, run: RunRecord, deaths: Sequence[Death]) -> Iterator[str]:
    """Yield how each worker of a run ended: "killed", an error code, or the run's state.

    Args:
        workspace: No scheduler may be at work in it.
        run: It waits.
        deaths: What happens to each of its workers but the last.
    """
    for death in deaths:
        yield _attempt(workspace, run, death)
        queue_lost_runs(workspace)
        retry_run(workspace, run.id)  # one that was lost too often, or that failed
    yield _attempt(workspace, run, None)


def _attempt(workspace: Workspace, run: RunRecord, death: Death | None) -> str:
    killed = fork_worker(workspace, run, death, 5 * PATIENCE_S) == -signal.SIGKILL
    run = read_run(workspace, run.id)
    assert mark_lost(workspace, run) == killed
    return "killed" if killed else run.error_code or run.state


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A workspace without a backbone, and the id of a dataset of a dozen photos in it."""
    folder = tmp_path_factory.mktemp("small")
    workspace = open_workspace(folder / "workspace")
    photos = write_class_folders(folder / "photos", CLASSES[:2], photos_per_class=6)
    return workspace, import_source(workspace, photos, name="two flowers").id


def train_twice(
    small: tuple[Workspace, str], folder: Path, deaths: list[Death], **changes: Any
) -> tuple[list[tuple[RunResult, list[dict[str, Any]]]], list[str]]:
    """Return result and curve without and with what happens to its workers, and their ends."""
    source, dataset_id = small
    answers, ends, made = [], [], []
    for name, happens in (("undisturbed", []), ("disturbed", deaths)):
        workspace = Workspace(folder / name)
        copy_workspace(source, workspace)
        if name == "disturbed":  # equal weights find the backbone that was made of them
            link_backbones(Workspace(folder / "undisturbed").backbones, workspace)
        recipe = make_recipe(workspace, dataset_id, batch_size=4, **changes)
        run, _ = submit_run(workspace, recipe)
        *ends, last = train_and_kill(workspace, run, happens)
        assert last == "done", read_run(workspace, run.id).problem
        events = read_events(workspace.run_folder(run.id))[0]
        answers.append((read_result(workspace, run.id), leave_out_measures(curve(events))))
        made.append({folder.name for folder in workspace.backbones.iterdir()})
    assert made[0] == made[1], "other weights made another backbone"
    return answers, ends


def link_backbones(source: Path, target: Workspace) -> None:
    """Give a workspace the backbones of another, each under the digest of its weights."""
    for folder in source.iterdir():
        if not target.backbone_folder(folder.name).exists():
            shutil.copytree(folder, target.backbone_folder(folder.name), copy_function=os.link)


def assert_equal(answers: list[tuple[RunResult, list[dict[str, Any]]]], epochs: int) -> None:
    """Bit for bit, but for what depends on the machine."""
    (expected, told), (found, told_again) = answers
    assert len(told) == epochs and told_again == told
    assert all(isinstance(epoch["loss"], float) for epoch in told)  # NaN is told as None
    assert leave_out_measures(found.history) == leave_out_measures(expected.history) == told
    assert found.best_epoch == expected.best_epoch
    assert (found.scores == expected.scores).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_kills_change_nothing(small: tuple[Workspace, str], tmp_path: Path, strategy: str) -> None:
    deaths = DEATHS if strategy == "head" else FEW
    settings = {"epochs": 4} | STRATEGIES[strategy]
    answers, ends = train_twice(small, tmp_path, deaths, strategy=strategy, **settings)
    assert ends == ["killed"] * len(deaths)
    assert_equal(answers, settings["epochs"])


def test_a_kill_changes_nothing_in_resnet_50(
    small: tuple[Workspace, str],
    resnet_workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TEST_SMALL_RESNET")
    workspace = Workspace(tmp_path / "workspace")
    copy_workspace(small[0], workspace)
    link_backbones(resnet_workspace.backbones, workspace)
    settings = STRATEGIES["last_stage"] | {"strategy": "last_stage", "epochs": 2}
    answers, ends = train_twice((workspace, small[1]), tmp_path, [(2, "amid")], **settings)
    assert ends == ["killed"]
    assert_equal(answers, 2)


def test_a_full_disk_ends_the_run_and_its_last_checkpoint_goes_on(
    small: tuple[Workspace, str], tmp_path: Path
) -> None:
    deaths: list[Death] = [(1, "full disk"), (3, "after"), (4, "full disk")]
    answers, ends = train_twice(small, tmp_path, deaths, epochs=5, hidden=(128,))
    assert ends == ["disk_full", "killed", "disk_full"]
    assert_equal(answers, 5)
