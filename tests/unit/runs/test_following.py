"""What a run writes of itself becomes lines of progress, each once."""

import io
from pathlib import Path

import pytest

from core.cli.outcome import ProgressLine
from core.runs.following import RunFollower
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.run_files import append_event
from core.workspace import Workspace
from tests.processes import find_processes, wait_until

EPOCH = {"loss": 0.9, "accuracy": 0.25, "train_loss": 0.5, "train_accuracy": 0.75}
EPOCH |= {"val_loss": 0.625, "val_accuracy": 0.5, "seconds": 0.31}


def test_each_event_is_shown_once(tmp_path: Path):
    log = io.StringIO()
    append_event(tmp_path, {"event": "epoch", "epoch": 1, **EPOCH})  # before it follows
    follower = RunFollower(tmp_path, ProgressLine(log), epochs=10)
    follower.show_new_events()
    append_event(tmp_path, {"event": "phase", "phase": "training"})
    append_event(tmp_path, {"event": "epoch", "epoch": 1, **EPOCH})
    follower.show_new_events()
    follower.show_new_events()
    append_event(tmp_path, {"event": "epoch", "epoch": 2, **EPOCH})
    follower.show_new_events()
    line = "train loss 0.5000 accuracy 75.0 %  validation loss 0.6250 accuracy 50.0 %  0.3 s"
    assert log.getvalue().splitlines() == [
        "training",
        f"epoch  1/10  {line}",
        f"epoch  2/10  {line}",
    ]


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("val_loss", "epoch 1/5  train loss 0.5000 accuracy 75.0 %  0.3 s"),
        ("train_accuracy", "epoch 1/5  train (running mean) loss 0.9000 accuracy 25.0 %"),
    ],
)
def test_figures_that_are_missing_are_left_out_or_named(
    tmp_path: Path, missing: str, line: str
) -> None:
    log = io.StringIO()
    follower = RunFollower(tmp_path, ProgressLine(log), epochs=5)
    append_event(tmp_path, {"event": "epoch", "epoch": 1, **EPOCH, missing: None})
    follower.show_new_events()
    assert log.getvalue().startswith(line)


def test_extraction_shows_speed_and_time_left(tmp_path: Path):
    log = io.StringIO()
    follower = RunFollower(tmp_path, ProgressLine(log), epochs=5)
    append_event(tmp_path, {"event": "phase", "phase": "extracting"})
    facts = {"per_second": 251.4, "seconds_left": 12.0}
    append_event(
        tmp_path, {"event": "progress", "phase": "extracting", "done": 0, "total": 3000, **facts}
    )
    follower.show_new_events()
    assert log.getvalue() == "computing features: 0 of 3,000 (0 %), 251 photos/s, 12 s left\n"


def test_who_waits_starts_another_scheduler_after_a_kill(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.following._WAKE_EVERY_S", 0.0)
    run, _ = submit_run(workspace, Recipe(dataset="0123456789abcdef", weights_digest="d" * 64))
    follower = RunFollower(workspace.run_folder(run.id), ProgressLine(io.StringIO()), epochs=1)
    ended = follower.follow(workspace, run)  # nobody else has it trained
    assert ended.error_code == "dataset_missing"
    assert wait_until(lambda: find_processes(workspace, "core.runs.scheduler"), "it is at work")
