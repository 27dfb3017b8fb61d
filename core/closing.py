"""What closing a class deletes: names, answers, photos, and what its students made."""

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial

from core.classroom import CLASS, PHOTOS, STUDENTS, list_handed, list_names, now, read_class
from core.datasets.selections import delete_selection
from core.datasets.versions import delete_version
from core.errors import BadIdentifier, PetalscopeError, RunGoing, SignInRefused
from core.exporting.store import delete_export
from core.monitoring.log import delete_predictions
from core.people import Person, acts, find_makers, read_journal
from core.runs.queue.control import forget_submitter
from core.runs.queue.queue import delete_run
from core.workspace import Workspace, write_json


@acts("delete", "class", "class_id")
def close_class(workspace: Workspace, class_id: str) -> Counter[str]:
    """Return how much of each kind was deleted that students made; nobody can sign in any more.

    What others made as well stays, and what a worker has just now: its kind is "going".
    """
    folder = workspace.class_folder(class_id)
    write_json(folder / CLASS, asdict(read_class(workspace, class_id)) | {"closed": now()})
    gone: Counter[str] = Counter()
    made, _ = read_journal(workspace.journal_file)
    for student, name in list_names(folder / STUDENTS).items():
        theirs = replace(workspace, person=Person(id=student, name=name, role="student"))
        forget_submitter(workspace, name)
        for row in made:
            if row["who"] == student and row["did"] == "make" and row["kind"] in _DELETE:
                gone[_delete(theirs, row["kind"], row["id"])] += 1
        gone["prediction"] += delete_predictions(workspace, visitor=student)
        (folder / STUDENTS / f"{student}.jsonl").unlink(missing_ok=True)
        gone["student"] += 1
    gone["photo"] = len(list_handed(workspace, class_id))
    shutil.rmtree(folder / PHOTOS, ignore_errors=True)
    del gone[""]
    return +gone


def close_overdue(workspace: Workspace) -> None:
    """Close the classes whose days are over."""
    for folder in workspace.classes.glob("*"):
        with suppress(SignInRefused, BadIdentifier, ValueError, TypeError):  # none, or damaged
            classroom = read_class(workspace, folder.name)
            if not classroom.closed and classroom.until and classroom.until < now():
                close_class(workspace, classroom.id)


_DELETE: dict[str, Callable[[Workspace, str], object]] = {
    "run": delete_run,
    "selection": delete_selection,
    "export": delete_export,
    "version": partial(delete_version, force=True),
}


def _delete(workspace: Workspace, kind: str, thing: str) -> str:
    """Return the kind of what was deleted; "" where it was gone or stays for others; "going"."""
    try:
        _DELETE[kind](workspace, thing)
    except RunGoing:
        return "going"
    except PetalscopeError:
        return ""
    others = find_makers(workspace.journal_file, kind, thing).keys() - {workspace.person.id}
    return "" if others else kind
