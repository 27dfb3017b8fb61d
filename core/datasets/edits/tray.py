"""The tray: edits of a dataset that wait to be applied, in the database of the workspace.

They survive reloads and restarts, and any number of processes may add to them at once. An undone
edit is only marked, so that it can be redone, until a new edit takes its place.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from core.datasets.edits.changes import (
    Action,
    Edit,
    Wish,
    choose_leaving,
    resolve_edits,
    settle_wish,
)
from core.errors import DatasetMissing, EditRefused
from core.runs.database import read_database, write_database
from core.runs.tables import edits_table
from core.workspace import Workspace
from data.dataset import FACTS, Dataset

__all__ = [
    "Action",
    "Edit",
    "add_edits",
    "clear_edits",
    "count_edits",
    "count_undone",
    "list_classes",
    "list_edits",
    "merge_duplicates",
    "redo_edits",
    "resolve_edits",
    "undo_edits",
]

_COLUMNS = [edits_table.c[field.name] for field in fields(Edit)]
_TABLE = edits_table.c


def add_edits(
    workspace: Workspace,
    dataset: Dataset,
    photos: Sequence[int],
    action: Action,
    value: str = "",
    note: str = "",
) -> int:
    """Return the number of the batch: the same edit for each of the photos.

    Args:
        action: "restore" cancels what the tray holds for the photos.
        value: The class for "relabel" (a new one is made; a known one is found also where case or
            spaces differ), the split for "move", else nothing.

    Raises:
        EditRefused: No photo, no such photo, class, split or action, or too long a note.
        DatasetMissing: The dataset was deleted meanwhile.
    """
    numbers = list(dict.fromkeys(int(photo) for photo in photos))
    if any(not 0 <= number < len(dataset) for number in numbers):
        raise EditRefused(
            f"“{dataset.name}” has the photos 0 to {len(dataset) - 1}; others were named.",
            "Choose the photos again: the dataset that is shown may have changed.",
        )
    paths = dataset.manifest["path"]
    wishes = [Wish(str(paths.iat[number]), action, value, note) for number in numbers]
    return note_wishes(workspace, dataset, wishes)


def merge_duplicates(
    workspace: Workspace,
    dataset: Dataset,
    groups: Sequence[Sequence[int]],
    note: str = "",
    keep: Sequence[int] | None = None,
) -> int:
    """Return the number of the batch that excludes all but one photo of each group.

    Of each group the first of train stays (then validation, then test), by path; with `keep` the
    one that it names. Groups that share a photo are one; what the tray already says of the
    photos counts.

    Raises:
        EditRefused: A group spans classes and `keep` does not say which stays, `keep` names none
            or several of a group, or there is nothing to merge.
        DatasetMissing: The dataset was deleted meanwhile.
    """
    changes = resolve_edits(dataset, list_edits(workspace, dataset.id))
    leaving = choose_leaving(dataset, changes, groups, keep)
    return add_edits(workspace, dataset, leaving, "exclude", note=note or "a duplicate")


def list_edits(workspace: Workspace, dataset_id: str) -> list[Edit]:
    """Return the edits in the tray, oldest first, without those that were undone."""
    query = select(*_COLUMNS).where(_waiting(dataset_id)).order_by(_TABLE.number)
    with read_database(workspace) as connection:
        return [Edit(**row._mapping) for row in connection.execute(query)]


def count_edits(workspace: Workspace, dataset_id: str) -> int:
    """Return how many edits are in the tray."""
    return _count(workspace, _waiting(dataset_id))


def count_undone(workspace: Workspace, dataset_id: str) -> int:
    """Return how many edits could be redone."""
    return _count(workspace, (_TABLE.dataset == dataset_id) & _TABLE.undone)


def list_classes(workspace: Workspace, dataset: Dataset) -> list[str]:
    """Return the classes of the dataset, and after them the new ones that the tray names."""
    with read_database(workspace) as connection:
        return _list_classes(connection, dataset)


def undo_edits(workspace: Workspace, dataset_id: str, batch: int | None = None) -> int:
    """Return how many edits were undone: those of the last batch.

    With `batch` only if that is still the last, so that an old button undoes nothing else.
    """
    with write_database(workspace) as connection:
        waiting = _waiting(dataset_id)
        last = connection.scalar(select(func.max(_TABLE.batch)).where(waiting))
        if last is None or batch not in (None, last):
            return 0
        return _mark(connection, waiting & (_TABLE.batch == last), undone=True)


def redo_edits(workspace: Workspace, dataset_id: str) -> int:
    """Return how many edits are back: those of the batch that was undone last."""
    undone = (_TABLE.dataset == dataset_id) & _TABLE.undone
    with write_database(workspace) as connection:
        first = connection.scalar(select(func.min(_TABLE.batch)).where(undone))
        if first is None:
            return 0
        return _mark(connection, undone & (_TABLE.batch == first), undone=False)


def clear_edits(workspace: Workspace, dataset_id: str) -> int:
    """Return how many edits were undone: all; they can be redone batch by batch."""
    with write_database(workspace) as connection:
        return _mark(connection, _waiting(dataset_id), undone=True)


def forget_edits(workspace: Workspace, dataset_id: str, last: int | None = None) -> None:
    """Delete the edits up to number `last` (or all) and all undone ones, for good."""
    gone = _TABLE.dataset == dataset_id
    if last is not None:
        gone &= _TABLE.undone | (_TABLE.number <= last)
    with write_database(workspace) as connection:
        connection.execute(delete(edits_table).where(gone))


def note_wishes(workspace: Workspace, dataset: Dataset, wishes: Sequence[Wish]) -> int:
    """Return the number of the batch of these edits; all are noted, or none.

    An edit that is the newest of its photo already is not noted again: a page that is redrawn
    while it acts on a click may send the click twice.

    Raises:
        EditRefused: There is none, or one is not possible. The paths are not checked.
        DatasetMissing: The dataset was deleted meanwhile.
    """
    if not wishes:
        raise EditRefused("No photo was chosen.", "Choose at least one photo, then edit it.")
    with write_database(workspace) as connection:
        check_there(workspace, dataset)
        known = _list_classes(connection, dataset)
        newest, now = _list_newest(connection, dataset.id), datetime.now(UTC)
        rows: list[dict[str, Any]] = []
        for settled in (settle_wish(wish, known) for wish in wishes):
            said = newest.get(settled.path)
            if said is None or said[:2] != (settled.action, settled.value):
                rows.append({**settled._asdict(), "dataset": dataset.id, "created": now})
        if not rows:
            return newest[wishes[-1].path][2]
        dropped = (_TABLE.dataset == dataset.id) & _TABLE.undone
        connection.execute(delete(edits_table).where(dropped))
        # The number of its first edit makes a batch's number that was never given before.
        first = connection.execute(insert(edits_table).values(batch=0, **rows[0]))
        batch = int(first.inserted_primary_key[0])  # type: ignore[index]
        connection.execute(update(edits_table).where(_TABLE.number == batch).values(batch=batch))
        if rows[1:]:
            connection.execute(insert(edits_table), [{"batch": batch, **row} for row in rows[1:]])
    return batch


def _waiting(dataset_id: str) -> ColumnElement[bool]:
    return (_TABLE.dataset == dataset_id) & ~_TABLE.undone


def _mark(connection: Connection, condition: ColumnElement[bool], *, undone: bool) -> int:
    return connection.execute(update(edits_table).where(condition).values(undone=undone)).rowcount


def _count(workspace: Workspace, condition: ColumnElement[bool]) -> int:
    with read_database(workspace) as connection:
        query = select(func.count()).select_from(edits_table).where(condition)
        return int(connection.scalar(query) or 0)


def _list_newest(connection: Connection, dataset_id: str) -> dict[str, tuple[str, str, int]]:
    """Return path → action, value and batch of the newest waiting edit of each photo."""
    columns = (_TABLE.path, _TABLE.action, _TABLE.value, _TABLE.batch)
    query = select(*columns).where(_waiting(dataset_id)).order_by(_TABLE.number)
    return {
        path: (action, value, batch) for path, action, value, batch in connection.execute(query)
    }


def _list_classes(connection: Connection, dataset: Dataset) -> list[str]:
    relabels = _waiting(dataset.id) & (_TABLE.action == "relabel")
    named = connection.scalars(select(_TABLE.value).where(relabels).distinct())
    return list(dict.fromkeys((*dataset.classes, *sorted(named))))


def check_there(workspace: Workspace, dataset: Dataset) -> None:
    """Check that the dataset is still in the workspace.

    Raises:
        DatasetMissing: It was deleted.
    """
    if not (workspace.dataset_folder(dataset.id) / FACTS).is_file():
        raise DatasetMissing(
            f"The dataset “{dataset.name}” was deleted.",
            "Choose another dataset, or import it again.",
            dataset=dataset.id,
        )
