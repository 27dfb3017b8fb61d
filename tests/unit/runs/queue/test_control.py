"""What people do with runs: pause, resume, stop after an epoch, more epochs, notes and tags."""

import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import RecipeRefused, RunMissing, RunStopped
from core.runs.queue.control import extend_run, note_run, pause_run, resume_run, tag_run
from core.runs.queue.queue import (
    claim_next_run,
    delete_run,
    mark_lost,
    queue_lost_runs,
    read_active,
    request_stop,
    retry_run,
    submit_run,
)
from core.runs.queue.run_lock import (
    begin_run,
    fail_run,
    finish_run,
    mark_paused,
    record_epoch,
    renew_heartbeat,
)
from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.run_files import read_events
from core.runs.store import RunRecord, item_id, list_runs, list_studies, read_run
from core.workspace import Workspace
from data.policy import PRESETS
from tests.processes import wait_until
from tests.training import change_recipe, train

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)


def submit(workspace: Workspace, **changes: object) -> RunRecord:
    return submit_run(workspace, dataclasses.replace(RECIPE, **changes))[0]  # type: ignore[arg-type]


def start(workspace: Workspace, epochs: int = 0, **changes: object) -> RunRecord:
    """Return a run that this process has, with so many epochs done."""
    run = claim_next_run(workspace, submit(workspace, **changes).id)
    assert run is not None and begin_run(workspace, run)
    if epochs:
        best = {"epoch": 1, "val_accuracy": 0.5, "val_loss": 0.7}
        assert record_epoch(workspace, run, epochs, best)
    return run


def write_checkpoint(workspace: Workspace, run: RunRecord, content: str) -> Path:
    file = workspace.run_folder(run.id) / "checkpoint" / "head" / "checkpoint.npz"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    return file


def test_a_going_run_that_is_paused_learns_it_and_waits_for_a_person(workspace: Workspace) -> None:
    run = start(workspace, epochs=2)
    asked = pause_run(workspace, run.id)
    assert (asked.state, asked.request) == ("stopping", "pause")
    assert renew_heartbeat(workspace, run) == (True, "pause")
    assert mark_paused(workspace, run)
    paused = read_run(workspace, run.id)
    assert (paused.state, paused.request, paused.pid) == ("paused", "", None)
    assert paused.epochs_done == 2 and paused.has_ended and not paused.is_going
    assert claim_next_run(workspace) is None and read_active(workspace) == []
    resumed = resume_run(workspace, run.id)
    assert (resumed.state, resumed.epochs_done, resumed.stopped) == ("queued", 2, False)
    assert claim_next_run(workspace) is not None


def test_a_waiting_run_is_paused_at_once(workspace: Workspace) -> None:
    run = pause_run(workspace, submit(workspace).id)
    assert run.state == "paused" and claim_next_run(workspace) is None
    assert read_events(workspace.run_folder(run.id))[0][-1]["state"] == "paused"


@pytest.mark.parametrize("again", ["submit", "retry"])
def test_a_paused_run_goes_on_when_submitted_again(workspace: Workspace, again: str) -> None:
    run = pause_run(workspace, submit(workspace).id)
    queued = submit(workspace) if again == "submit" else retry_run(workspace, run.id)
    assert queued.id == run.id and queued.state == "queued"


def test_a_run_that_ended_is_neither_paused_nor_resumed(workspace: Workspace) -> None:
    run = start(workspace, epochs=1)
    assert finish_run(workspace, run, stopped=True)
    assert pause_run(workspace, run.id).state == "done"
    assert resume_run(workspace, run.id).state == "done"


def test_a_pause_before_the_first_epoch_is_no_failure(workspace: Workspace) -> None:
    run = start(workspace)
    pause_run(workspace, run.id)
    assert fail_run(workspace, run, RunStopped("It was stopped.", "Start it again."))
    paused = read_run(workspace, run.id)
    assert (paused.state, paused.error_code, paused.stopped) == ("paused", None, False)


def test_a_worker_lost_while_it_was_to_pause_leaves_a_paused_run(workspace: Workspace) -> None:
    run = start(workspace, epochs=3)
    pause_run(workspace, run.id)
    assert mark_lost(workspace, run) and not mark_lost(workspace, run)
    assert read_run(workspace, run.id).state == "paused" and queue_lost_runs(workspace) == []


def test_a_paused_run_that_is_stopped_keeps_its_best_epoch(workspace: Workspace) -> None:
    run = start(workspace, epochs=3)
    pause_run(workspace, run.id)
    mark_paused(workspace, run)
    stopped = request_stop(workspace, run.id)
    assert (stopped.state, stopped.request) == ("queued", "stop")  # a worker scores the photos
    early = pause_run(workspace, submit(workspace, seed=1).id)
    assert request_stop(workspace, early.id).error_code == "run_stopped"


def test_a_stop_that_follows_a_pause_wins(workspace: Workspace) -> None:
    run = start(workspace, epochs=2)
    pause_run(workspace, run.id)
    assert request_stop(workspace, run.id).request == "stop"
    assert not mark_paused(workspace, run)
    assert read_run(workspace, run.id).state == "stopping"


def test_stop_after_the_epoch_is_another_wish_than_stop(workspace: Workspace) -> None:
    run = start(workspace, epochs=1)
    assert request_stop(workspace, run.id, after_epoch=True).request == "stop_after_epoch"
    assert renew_heartbeat(workspace, run) == (True, "stop_after_epoch")
    assert request_stop(workspace, run.id).request == "stop"
    assert request_stop(workspace, run.id, after_epoch=True).request == "stop"
    assert pause_run(workspace, run.id).request == "stop"


def test_more_epochs_go_on_from_the_checkpoint(workspace: Workspace) -> None:
    run = start(workspace, epochs=10)
    file = write_checkpoint(workspace, run, "ten epochs")
    finish_run(workspace, run, stopped=False)
    tag_run(workspace, run.id, ["course"])
    longer, is_new = extend_run(workspace, run.id, 5)
    assert is_new and longer.id != run.id and longer.recipe.epochs == 15
    assert longer.name == "Run 1, 15 epochs" and longer.tags == ("course",)
    assert run.id in longer.notes and "after its epoch 10" in longer.notes
    lent = workspace.run_folder(longer.id) / "checkpoint" / "head" / file.name
    assert lent.read_text(encoding="utf-8") == "ten epochs"
    assert extend_run(workspace, run.id, 5) == (longer, False)
    delete_run(workspace, run.id)
    assert lent.exists()


@pytest.mark.parametrize("why", ["cosine", "no checkpoint"])
def test_more_epochs_may_have_to_begin_anew_and_say_so(workspace: Workspace, why: str) -> None:
    run = start(workspace, epochs=10, schedule="cosine" if why == "cosine" else "constant")
    if why == "cosine":
        write_checkpoint(workspace, run, "of another schedule")
    finish_run(workspace, run, stopped=False)
    longer, _ = extend_run(workspace, run.id, 1)
    assert "from epoch 1" in longer.notes and why.split()[-1] in longer.notes + "cosine"
    assert not (workspace.run_folder(longer.id) / "checkpoint").exists()


def test_a_run_that_ended_early_says_that_more_epochs_may_not_help(workspace: Workspace) -> None:
    run = start(workspace, epochs=4, patience=2)
    finish_run(workspace, run, stopped=False)
    assert "patience" in extend_run(workspace, run.id, 5)[0].notes


def test_what_cannot_go_on_is_refused(workspace: Workspace) -> None:
    run = submit(workspace)
    sweep, _ = submit_run(workspace, RECIPE, plan=SweepPlan())
    for run_id, epochs in ((run.id, 0), (run.id, 1000), (sweep.id, 5)):
        with pytest.raises(RecipeRefused):
            extend_run(workspace, run_id, epochs)
    with pytest.raises(RunMissing):
        extend_run(workspace, "0" * 16, 5)
    assert len(list_runs(workspace)) == 1


def test_notes_and_tags_are_kept(workspace: Workspace) -> None:
    run = submit(workspace)
    assert (run.notes, run.tags) == ("", ())
    assert note_run(workspace, run.id, " **why** it is here\n").notes == "**why** it is here"
    tagged = tag_run(workspace, run.id, ["rose", " a  b ", "", "rose", "Übung"])
    assert tagged.tags == ("a b", "rose", "Übung")
    assert tag_run(workspace, run.id, []).tags == ()
    assert read_run(workspace, run.id).notes == "**why** it is here"


def test_items_with_a_plan_have_an_id_and_a_list_of_their_own(workspace: Workspace) -> None:
    run = submit(workspace)
    plans = [SweepPlan(trials=5), SweepPlan(trials=6)]
    studies = [submit_run(workspace, RECIPE, plan=plan)[0] for plan in plans]
    assert [study.plan for study in studies] == plans
    assert len({run.id, *(study.id for study in studies)}) == 3
    assert studies[0].id == item_id(RECIPE, plans[0]) and run.id == item_id(RECIPE)
    assert [each.id for each in list_runs(workspace)] == [run.id]
    assert {each.id for each in list_studies(workspace)} == {study.id for study in studies}
    assert list_studies(workspace, "fedcba9876543210") == []
    delete_run(workspace, run.id)  # it would go first
    going = claim_next_run(workspace, studies[0].id)
    assert going is not None and begin_run(workspace, going)
    assert finish_run(workspace, going, stopped=False)
    again, is_new = submit_run(workspace, RECIPE, plan=plans[0])
    assert not is_new and again.state == "queued"  # done, it says, but its trials are not there


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("tuned", [False, True])
def test_a_deleted_run_takes_the_backbone_along_that_only_it_tuned(
    workspace: Workspace, tuned: bool, shared: bool
) -> None:
    recipe = dataclasses.replace(RECIPE, strategy="full")
    run, other = submit_run(workspace, recipe)[0], submit(workspace, seed=1)
    backbone = workspace.backbone_folder("abc123")
    backbone.mkdir()
    digest = "tuned" if tuned else recipe.weights_digest
    (backbone / "backbone.json").write_text(json.dumps({"weights_digest": digest}))
    for name, of in (("f00", "abc123"), ("f11", "base00")):
        workspace.features_file(name).write_text("rows")
        workspace.features_file(name).with_suffix(".json").write_text(json.dumps({"backbone": of}))
    for each in (run, other) if shared else (run,):
        facts = {"version": 1, "digests": {}, "backbone_id": "abc123"}
        (workspace.run_folder(each.id) / "result.json").write_text(json.dumps(facts))
    delete_run(workspace, run.id)
    kept = shared or not tuned
    assert backbone.exists() == kept and workspace.features_file("f00").exists() == kept
    assert workspace.features_file("f11").exists()


@contextmanager
def worker(workspace: Workspace, run: RunRecord) -> Iterator[None]:
    """A worker trains the run meanwhile; after the block it has ended."""
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(train, workspace, run)
        yield
        ended.result()


@pytest.mark.slow
def test_a_stop_of_a_paused_run_keeps_its_epochs(trained_copy: Workspace) -> None:
    recipe = change_recipe(trained_copy, epochs=400, augmentation=PRESETS["gentle"], views=2)
    run, _ = submit_run(trained_copy, recipe)
    with worker(trained_copy, run):
        wait_until(lambda: read_run(trained_copy, run.id).epochs_done >= 2, "two epochs are done")
        pause_run(trained_copy, run.id)
    paused = read_run(trained_copy, run.id)
    assert paused.state == "paused"
    assert request_stop(trained_copy, run.id).state == "queued"  # its photos are still to score
    ended = train(trained_copy, run)
    assert (ended.state, ended.stopped, ended.problem) == ("done", True, None)
    assert len(read_result(trained_copy, run.id).history) == paused.epochs_done


@pytest.mark.slow
def test_a_stop_before_the_second_phase_keeps_the_first(trained_copy: Workspace) -> None:
    recipe = change_recipe(trained_copy, strategy="two_phases", head_epochs=2, epochs=4)
    run, _ = submit_run(trained_copy, recipe)
    with worker(trained_copy, run):
        wait_until(lambda: read_run(trained_copy, run.id).epochs_done >= 2, "the head is trained")
        request_stop(trained_copy, run.id)
    ended = read_run(trained_copy, run.id)
    assert (ended.state, ended.stopped, ended.problem) == ("done", True, None)
    assert len(read_result(trained_copy, run.id).history) == ended.epochs_done >= 2
