"""What else people do with runs: pause and resume, more epochs, names, notes and tags.

Submit, stop, retry and delete are in `core.runs.queue.queue`.
"""

import dataclasses
import json
import os
from collections.abc import Iterable

from core.errors import RecipeRefused
from core.runs.database import write_database
from core.runs.queue.queue import change_run, queue_again, submit_run
from core.runs.queue.run_lock import PAUSED
from core.runs.recipe.plans import check_epochs
from core.runs.recipe.recipe import validate
from core.runs.run_files import append_event
from core.runs.store import RunRecord, item_id, read_run, select_run
from core.workspace import Workspace, check_identifier, write_atomically

CHECKPOINT_FOLDER = "checkpoint"


def pause_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Return the run, asked to pause: its device is given to others, its checkpoint kept.

    The epoch that goes is dropped. One that waits is paused at once, one that ended stays.
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
    """Return the run, waiting again if it was paused; it resumes from its checkpoint."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        return queue_again(workspace, connection, run) if run.state == "paused" else run


def extend_run(workspace: Workspace, run_id: str, epochs: int) -> tuple[RunRecord, bool]:
    """Return the run of the same recipe with more epochs, and whether it is new.

    It resumes from the checkpoint of the former, which stays as it is; a note says from which
    epoch. Where the schedule spans all epochs (cosine), or no checkpoint is left, it begins anew.

    Raises:
        RunMissing: No run has that id.
        RecipeRefused: The recipe cannot have that many epochs, or the item is not a training.
    """
    former = read_run(workspace, run_id)
    if former.plan is not None or epochs < 1:
        raise RecipeRefused(
            "Only a training can go on, for one epoch more at least.",
            "Choose a run from the list of runs, and a number of epochs from 1.",
            run_id=run_id,
        )
    check_epochs(former.recipe)
    recipe = dataclasses.replace(former.recipe, epochs=former.recipe.epochs + epochs)
    validate(recipe)  # before anything is lent to it
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
    """Return the run with these notes, free text, in place of those it had."""
    return _write(workspace, run_id, notes=notes.strip())


def tag_run(workspace: Workspace, run_id: str, tags: Iterable[str]) -> RunRecord:
    """Return the run with these tags, sorted and each once, in place of those it had."""
    cleaned = {" ".join(tag.split()) for tag in tags} - {""}
    text = json.dumps(sorted(cleaned, key=str.casefold), ensure_ascii=False)
    return _write(workspace, run_id, tags=text)


def rename_run(workspace: Workspace, run_id: str, name: str) -> RunRecord:
    """Return the run under its new name; an empty name gives back "Run 7"."""
    return _write(workspace, run_id, name=name.strip())


def _write(workspace: Workspace, run_id: str, **values: str) -> RunRecord:
    with write_database(workspace) as connection:
        change_run(connection, check_identifier(run_id), **values)
        return select_run(connection, run_id)


def _lend_checkpoint(workspace: Workspace, former: RunRecord, following: str) -> bool:
    """Return whether the run that follows finds the former's checkpoint as its own."""
    source = workspace.run_folder(former.id) / CHECKPOINT_FOLDER
    target = workspace.run_folder(following)
    if former.recipe.schedule == "cosine" or target.exists() or not source.is_dir():
        return False
    files = [file for file in source.rglob("[!.]*") if file.is_file()]
    for file in files:  # they are replaced, never written in place: a link stays as it is
        place = target / CHECKPOINT_FOLDER / file.relative_to(source)
        with write_atomically(place) as temporary:
            os.link(file, temporary)
    return bool(files)


def _describe_start(former: RunRecord, lent: bool) -> str:
    named = f"“{former.name}” ({former.id})"
    if lent:
        start = f"Goes on from {named} after its epoch {former.epochs_done}."
    elif former.recipe.schedule == "cosine":
        start = f"More epochs than {named}; begins anew, for its schedule spans all epochs."
    else:
        start = f"More epochs than {named}, of which no checkpoint is left; begins anew."
    early = former.state == "done" and not former.stopped
    if early and former.epochs_done < former.recipe.epochs:
        return f"{start} That one ended early, by its patience, and this one may do so too."
    return start
