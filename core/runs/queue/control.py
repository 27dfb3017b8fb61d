"""Control of runs: pause, resume, more epochs, names, notes and tags."""

import dataclasses
import json
import os
from collections.abc import Iterable

from core.errors import RecipeRefused
from core.runs.database import write_database
from core.runs.queue.queue import change_run, queue_again, submit_run
from core.runs.queue.run_lock import PAUSED
from core.runs.recipe.checking import validate
from core.runs.recipe.plans import check_epochs
from core.runs.run_files import CHECKPOINT_FOLDER, append_event
from core.runs.store import RunRecord, item_id, read_run, select_run
from core.workspace import Workspace, check_identifier, write_atomically


def pause_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Request a pause and return the run. The current epoch is dropped, the checkpoint stays.

    A waiting run is paused at once; a finished one does not change.
    """
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.is_going:
            if run.request != "stop":
                change_run(connection, run_id, request="pause", state="stopping")
        elif not run.has_ended:
            change_run(connection, run_id, finished=None, **PAUSED)
            append_event(workspace.run_folder(run_id), {"event": "end", "state": "paused"})
        return select_run(connection, run_id)


def resume_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Queue a paused run and return it; it resumes from its checkpoint."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        return queue_again(workspace, connection, run) if run.state == "paused" else run


def extend_run(workspace: Workspace, run_id: str, epochs: int) -> tuple[RunRecord, bool]:
    """Return the run of the same recipe with more epochs, and whether it is new.

    It resumes from a copy of the checkpoint. It starts from epoch 1 where no checkpoint is left, or
    where the schedule spans all epochs (cosine). A note says which.

    Raises:
        RunMissing: No run has that id.
        RecipeRefused: The recipe cannot have that many epochs, or the run is a sweep.
    """
    former = read_run(workspace, run_id)
    if former.plan is not None or epochs < 1:
        problem = "Only a run can be extended, by one epoch or more."
        raise RecipeRefused(problem, "Choose a run and a number of epochs.", run_id=run_id)
    check_epochs(former.recipe)
    recipe = dataclasses.replace(former.recipe, epochs=former.recipe.epochs + epochs)
    validate(recipe)  # before files are linked for it
    following = item_id(recipe)
    lent = _lend_checkpoint(workspace, former, following)
    stem = former.name.removesuffix(f", {former.recipe.epochs} epochs")
    name = f"{stem}, {recipe.epochs} epochs"
    run, is_new = submit_run(workspace, recipe, name)
    if is_new:
        run = note_run(workspace, run.id, _describe_start(former, lent))
        run = tag_run(workspace, run.id, former.tags)
    return run, is_new


def note_run(workspace: Workspace, run_id: str, notes: str) -> RunRecord:
    """Replace the notes of the run and return it."""
    return _write(workspace, run_id, notes=notes.strip())


def tag_run(workspace: Workspace, run_id: str, tags: Iterable[str]) -> RunRecord:
    """Replace the tags of the run and return it."""
    cleaned = {" ".join(tag.split()) for tag in tags} - {""}
    text = json.dumps(sorted(cleaned, key=str.casefold), ensure_ascii=False)
    return _write(workspace, run_id, tags=text)


def rename_run(workspace: Workspace, run_id: str, name: str) -> RunRecord:
    """Rename the run and return it; an empty name resets it to "Run 7"."""
    return _write(workspace, run_id, name=name.strip())


def _write(workspace: Workspace, run_id: str, **values: str) -> RunRecord:
    with write_database(workspace) as connection:
        change_run(connection, check_identifier(run_id), **values)
        return select_run(connection, run_id)


def _lend_checkpoint(workspace: Workspace, former: RunRecord, following: str) -> bool:
    """Link the checkpoint into the folder of the following run; return whether there was one."""
    source = workspace.run_folder(former.id) / CHECKPOINT_FOLDER
    target = workspace.run_folder(following)
    if former.recipe.schedule == "cosine" or target.exists() or not source.is_dir():
        return False
    files = [file for file in source.rglob("[!.]*") if file.is_file()]
    for file in files:  # files are replaced, never changed: links are safe
        place = target / CHECKPOINT_FOLDER / file.relative_to(source)
        with write_atomically(place) as temporary:
            os.link(file, temporary)
    return bool(files)


def _describe_start(former: RunRecord, lent: bool) -> str:
    named = f"“{former.name}” ({former.id})"
    if lent:
        start = f"Continues {named} after its epoch {former.epochs_done}."
    elif former.recipe.schedule == "cosine":
        start = f"More epochs than {named}, from epoch 1: its schedule spans all epochs."
    else:
        start = f"More epochs than {named}, from epoch 1: its checkpoint was deleted."
    early = former.state == "done" and not former.stopped
    if early and former.epochs_done < former.recipe.epochs:
        return f"{start} That run stopped early (patience); this one may, too."
    return start
