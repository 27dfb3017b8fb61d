"""The queue and the index of runs, in a real database, also with several processes at once."""

import dataclasses
import shutil
import time

import pytest
from sqlalchemy import update

from core.errors import (
    BadIdentifier,
    DatabaseUnusable,
    PetalscopeError,
    RecipeRefused,
    RunMissing,
    RunStopped,
)
from core.runs.database import write_database
from core.runs.queue.control import rename_run
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
    Attempt,
    begin_run,
    fail_run,
    finish_run,
    record_epoch,
    renew_heartbeat,
)
from core.runs.recipe.recipe import recipe_from_json
from core.runs.run_files import ARRAYS_FILE, FACTS_FILE, HEAD_FILE, read_events
from core.runs.store import MOST_LOSSES, RunRecord, list_runs, read_run
from core.runs.tables import runs_table
from core.workspace import Workspace, open_workspace
from tests.processes import run_at_once
from tests.unit.runs.queue.test_control import RECIPE, start, submit


def tell_epoch(
    workspace: Workspace, run: RunRecord, accuracy: float = 0.5, *, done: int = 1
) -> bool:
    best = {"epoch": 1, "val_accuracy": accuracy, "val_loss": 0.7}
    return record_epoch(workspace, run, done, best)


def test_a_new_run_waits_with_its_recipe_in_its_folder(workspace: Workspace) -> None:
    run, created = submit_run(workspace, RECIPE)
    assert created and run.state == "queued" and run.recipe == RECIPE and run.name == "Run 1"
    text = (workspace.run_folder(run.id) / "recipe.json").read_text(encoding="utf-8")
    assert recipe_from_json(text) == RECIPE
    assert run.created.tzinfo is not None
    assert abs(run.created.timestamp() - time.time()) < 60


def test_the_same_recipe_is_the_same_run(workspace: Workspace) -> None:
    first, created = submit_run(workspace, RECIPE, name="mine")
    second, created_again = submit_run(workspace, RECIPE, name="another name")
    assert created and not created_again and first == second
    assert len(list_runs(workspace)) == 1


def test_a_recipe_out_of_range_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(RecipeRefused):
        submit_run(workspace, dataclasses.replace(RECIPE, epochs=0))
    assert list_runs(workspace) == [] and list(workspace.runs.iterdir()) == []


def test_runs_are_listed_newest_first_and_by_dataset(workspace: Workspace) -> None:
    first, second = submit(workspace, seed=1), submit(workspace, seed=2)
    other, _ = submit_run(workspace, dataclasses.replace(RECIPE, dataset="fedcba9876543210"))
    assert [run.id for run in list_runs(workspace)] == [other.id, second.id, first.id]
    assert [run.id for run in list_runs(workspace, other.recipe.dataset)] == [other.id]


def test_unknown_runs_are_said_to_be_missing(workspace: Workspace) -> None:
    with pytest.raises(RunMissing):
        read_run(workspace, "0" * 16)
    with pytest.raises(RunMissing):
        request_stop(workspace, "0" * 16)
    with pytest.raises(BadIdentifier):
        read_run(workspace, "../etc")


def test_one_run_goes_at_a_time_the_longest_waiting_first(workspace: Workspace) -> None:
    first, second = submit(workspace, seed=1), submit(workspace, seed=2)
    claimed = claim_next_run(workspace)
    assert claimed is not None and claimed.id == first.id and claimed.state == "starting"
    assert claimed.attempt == 1
    assert claim_next_run(workspace) is None and claim_next_run(workspace, second.id) is None
    assert begin_run(workspace, claimed) and finish_run(workspace, claimed, stopped=False)
    following = claim_next_run(workspace)
    assert following is not None and following.id == second.id


def test_runs_start_in_the_order_of_the_queue_and_a_lost_one_keeps_its_place(
    workspace: Workspace,
) -> None:
    submitted = [submit(workspace, seed=seed).id for seed in range(4)]
    lost = claim_next_run(workspace)
    assert lost is not None and lost.id == submitted[0] and mark_lost(workspace, lost)
    assert [run.id for run in read_active(workspace)] == submitted
    queue_lost_runs(workspace)
    for run_id in submitted:
        run = claim_next_run(workspace)
        assert run is not None and run.id == run_id and begin_run(workspace, run)
        assert finish_run(workspace, run, stopped=False)
    assert read_active(workspace) == []


def test_a_run_is_begun_once(workspace: Workspace) -> None:
    run = start(workspace)
    assert read_run(workspace, run.id).state == "running"
    assert not begin_run(workspace, run)


def test_progress_shows_in_the_index(workspace: Workspace) -> None:
    run = start(workspace)
    Attempt(workspace, run).begin_phase("training", device="a CPU", val_photos=7)
    assert tell_epoch(workspace, run, accuracy=0.75)
    seen = read_run(workspace, run.id)
    assert (seen.phase, seen.device, seen.val_photos) == ("training", "a CPU", 7)
    assert (seen.epochs_done, seen.best_epoch, seen.best_val_accuracy) == (1, 1, 0.75)


def test_a_waiting_run_that_is_stopped_never_starts(workspace: Workspace) -> None:
    run = request_stop(workspace, submit(workspace).id)
    assert (run.state, run.error_code, run.stopped) == ("failed", "run_stopped", True)
    assert claim_next_run(workspace) is None


def test_a_going_run_that_is_stopped_learns_it_with_its_heartbeat(workspace: Workspace) -> None:
    run = start(workspace)
    assert renew_heartbeat(workspace, run) == (True, "")
    assert request_stop(workspace, run.id).state == "stopping"
    assert renew_heartbeat(workspace, run) == (True, "stop")
    assert finish_run(workspace, run, stopped=True)
    ended = read_run(workspace, run.id)
    assert (ended.state, ended.stopped, ended.request) == ("done", True, "")


def test_a_stop_while_a_run_starts_is_not_forgotten(workspace: Workspace) -> None:
    submitted = submit(workspace)
    run = claim_next_run(workspace)
    assert run is not None and request_stop(workspace, submitted.id).state == "stopping"
    assert begin_run(workspace, run) and read_run(workspace, run.id).state == "stopping"


def test_a_failed_run_says_why_and_goes_on_when_submitted_again(workspace: Workspace) -> None:
    run = start(workspace, epochs=1)
    assert not fail_run(workspace, run, RunStopped("It went wrong.", "Do this."))
    failed = read_run(workspace, run.id)
    assert (failed.state, failed.problem, failed.remedy) == ("failed", "It went wrong.", "Do this.")
    assert failed.best_val_accuracy == 0.5
    again, created = submit_run(workspace, run.recipe)
    assert not created and again.state == "queued" and again.id == run.id
    assert again.problem is None and again.attempt == 0 and not again.stopped


def test_a_lost_run_is_queued_again_but_not_for_ever(workspace: Workspace) -> None:
    submitted = submit(workspace)
    for attempt in range(1, MOST_LOSSES + 1):
        run = claim_next_run(workspace)
        assert run is not None and run.attempt == attempt and begin_run(workspace, run)
        assert mark_lost(workspace, run) and not mark_lost(workspace, run)
        assert read_run(workspace, run.id).has_ended == (attempt == MOST_LOSSES)
        again = queue_lost_runs(workspace)
        assert [each.state for each in again] == (["queued"] if attempt < MOST_LOSSES else [])
    lost = read_run(workspace, submitted.id)
    assert (lost.state, lost.error_code) == ("lost", "run_lost") and lost.remedy
    assert read_active(workspace) == []
    assert retry_run(workspace, lost.id).state == "queued"


def test_a_run_that_advances_is_not_given_up(workspace: Workspace) -> None:
    run = start(workspace)
    for epochs in range(1, 2 * MOST_LOSSES):
        tell_epoch(workspace, run, done=epochs)
        assert mark_lost(workspace, run)
        assert not read_run(workspace, run.id).has_ended, epochs
        assert queue_lost_runs(workspace)
        claimed = claim_next_run(workspace)
        assert claimed is not None and begin_run(workspace, claimed)
        run = claimed
    for _ in range(MOST_LOSSES - 2):  # no new epoch since
        assert mark_lost(workspace, run) and queue_lost_runs(workspace)
        claimed = claim_next_run(workspace)
        assert claimed is not None and begin_run(workspace, claimed)
        run = claimed
    assert mark_lost(workspace, run) and read_run(workspace, run.id).has_ended


def test_a_run_queued_by_itself_keeps_its_turn_and_a_wish_to_stop(workspace: Workspace) -> None:
    run = start(workspace, seed=1)
    submit(workspace, seed=2)
    tell_epoch(workspace, run)
    request_stop(workspace, run.id)
    mark_lost(workspace, run)
    queue_lost_runs(workspace)
    following = claim_next_run(workspace)
    assert following is not None and following.id == run.id and following.request == "stop"


def test_reports_of_an_earlier_attempt_do_not_count(workspace: Workspace) -> None:
    late = start(workspace)
    mark_lost(workspace, late)
    queue_lost_runs(workspace)
    now = claim_next_run(workspace)
    assert now is not None and now.attempt == 2
    assert not begin_run(workspace, late)
    assert begin_run(workspace, now)
    assert not tell_epoch(workspace, late)
    assert not finish_run(workspace, late, stopped=False)
    assert renew_heartbeat(workspace, late)[0] is False
    assert read_run(workspace, now.id).state == "running"


def test_a_finished_run_stays(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    assert retry_run(trained_copy, run.id).state == "done"
    assert submit_run(trained_copy, run.recipe)[0].state == "done"


@pytest.mark.parametrize("again", ["submit", "retry"])
def test_a_stopped_run_goes_on_from_its_epochs(workspace: Workspace, again: str) -> None:
    run = start(workspace, epochs=1)
    finish_run(workspace, run, stopped=True)
    if again == "submit":
        queued, created = submit_run(workspace, run.recipe)
        assert not created
    else:
        queued = retry_run(workspace, run.id)
    assert (queued.state, queued.stopped, queued.epochs_done) == ("queued", False, 1)


@pytest.mark.parametrize("name", [ARRAYS_FILE, HEAD_FILE, FACTS_FILE])
@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_a_run_whose_result_is_harmed_begins_anew(
    trained_copy: Workspace, name: str, harm: str
) -> None:
    [run] = list_runs(trained_copy)
    file = trained_copy.run_folder(run.id) / name
    content = file.read_bytes()
    file.unlink()
    if harm == "altered":
        file.write_bytes(b"[" + content[1:])  # of the same size
    again, created = submit_run(trained_copy, run.recipe)
    assert not created and again.state == "queued"
    assert (again.epochs_done, again.best_epoch, again.best_val_accuracy) == (0, None, None)


def test_a_run_whose_folder_was_removed_begins_anew(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    shutil.rmtree(trained_copy.run_folder(run.id))
    assert submit_run(trained_copy, run.recipe)[0].state == "queued"
    assert trained_copy.run_folder(run.id).is_dir()


def test_runs_of_another_version_are_left_out_and_block_nothing(workspace: Workspace) -> None:
    foreign, ours = submit(workspace, seed=1), submit(workspace, seed=2)
    with write_database(workspace) as connection:
        recipe = {"recipe": '{"version": 99, "depth": 7}'}
        connection.execute(update(runs_table).where(runs_table.c.id == foreign.id).values(**recipe))
    assert [run.id for run in list_runs(workspace)] == [ours.id]
    assert [run.id for run in read_active(workspace)] == [ours.id]
    claimed = claim_next_run(workspace)
    assert claimed is not None and claimed.id == ours.id
    with pytest.raises(RecipeRefused):
        read_run(workspace, foreign.id)


def test_names_are_for_people(workspace: Workspace) -> None:
    run = submit(workspace)
    assert rename_run(workspace, run.id, "  the <b>täglich</b> 🌷 ").name == "the <b>täglich</b> 🌷"
    assert rename_run(workspace, run.id, "").name == "Run 1"


def test_a_deleted_run_is_gone_and_its_number_is_not_given_again(workspace: Workspace) -> None:
    run = start(workspace)
    with pytest.raises(PetalscopeError, match="is running"):
        delete_run(workspace, run.id)
    finish_run(workspace, run, stopped=False)
    delete_run(workspace, run.id)
    assert list_runs(workspace) == [] and not workspace.run_folder(run.id).exists()
    assert list(workspace.temporary.iterdir()) == []
    again, created = submit_run(workspace, run.recipe)
    assert created and again.number == 2
    assert [event["event"] for event in read_events(workspace.run_folder(run.id))[0]] == ["queued"]


def test_an_emptied_workspace_is_noticed(workspace: Workspace) -> None:
    run = submit(workspace)
    for file in workspace.root.glob("petalscope.db*"):
        file.unlink()
    with pytest.raises(DatabaseUnusable):  # all runs lie on disk
        list_runs(workspace)
    shutil.rmtree(workspace.run_folder(run.id))
    assert list_runs(workspace) == []
    assert submit(workspace).number == 1


@pytest.mark.usefixtures("workspace")
def test_processes_that_submit_and_claim_at_once_agree() -> None:
    # Each submits the same five recipes to a database that none has opened yet, then claims.
    code = """if True:
        import sys
        from core.runs.queue.queue import claim_next_run, submit_run
        from core.runs.recipe.recipe import Recipe
        from core.workspace import open_workspace
        workspace = open_workspace()
        sys.stdin.readline()
        recipes = [Recipe(dataset="abc123", weights_digest="d", seed=seed) for seed in range(5)]
        created = sum(submit_run(workspace, recipe)[1] for recipe in recipes)
        print(created, 0 if claim_next_run(workspace) is None else 1)
    """
    answers = [map(int, printed.split()) for printed in run_at_once(code, 4)]
    created, claimed = zip(*answers, strict=True)
    assert sum(created) == 5 and sum(claimed) == 1
    assert len(list_runs(open_workspace())) == 5
