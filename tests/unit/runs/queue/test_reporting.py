"""What a worker's report leaves in the list: its own attempt's epochs, and the fit's best one."""

from core.runs.queue.run_lock import Attempt
from core.runs.run_files import append_event, curve, read_events
from core.runs.store import read_run
from core.workspace import Workspace
from tests.unit.runs.queue.test_control import start


def make_epoch(epoch: int, val_loss: float) -> dict[str, float]:
    figures = {"loss": 0.5, "val_loss": val_loss, "val_accuracy": 0.25 * epoch}
    return {"epoch": epoch, "seconds": 1.0, **figures}


def test_the_best_epoch_is_the_one_the_fit_found(workspace: Workspace) -> None:
    run = start(workspace)
    report = Attempt(workspace, run)
    diverged, finite = make_epoch(1, float("nan")), make_epoch(2, 3.0)
    report.tell_epoch(diverged, diverged)
    assert read_run(workspace, run.id).best_val_loss is None
    report.tell_epoch(finite, finite)
    report.tell_epoch(make_epoch(3, float("nan")), finite)
    seen = read_run(workspace, run.id)
    assert (seen.epochs_done, seen.best_epoch, seen.best_val_loss) == (3, 2, 3.0)
    assert seen.best_val_accuracy == 0.5


def test_epochs_of_an_attempt_that_was_lost_with_its_checkpoint_do_not_count(
    workspace: Workspace,
) -> None:
    run = start(workspace)
    folder = workspace.run_folder(run.id)
    for epoch in (1, 2, 3):
        append_event(folder, {"event": "epoch", **make_epoch(epoch, 0.1)})
    report = Attempt(workspace, run)
    first = make_epoch(1, 0.1)
    report.tell_epoch(first, first)
    seen = read_run(workspace, run.id)
    assert (seen.epochs_done, seen.best_epoch) == (1, 1)
    assert len(curve(read_events(folder)[0])) == 3  # what stands there already is not told twice
    assert [event["event"] for event in read_events(folder)[0]].count("epoch") == 3


def test_steps_tell_how_far_the_epoch_is(workspace: Workspace) -> None:
    run = start(workspace)
    report = Attempt(workspace, run)
    report.begin_phase("training")
    report.tell_step(32, 100)
    report.tell_step(64, 100)  # too soon after the last: nobody could read it
    report.tell_step(100, 100)
    report.tell_epoch(make_epoch(1, 0.3), make_epoch(1, 0.3))
    report.tell_step(100, 100)
    told = [e for e in read_events(workspace.run_folder(run.id))[0] if e["event"] == "progress"]
    assert [(e["epoch"], e["done"], e["total"]) for e in told] == [
        (1, 32, 100),
        (1, 100, 100),
        (2, 100, 100),
    ]
