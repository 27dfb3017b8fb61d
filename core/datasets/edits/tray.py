"""The tray: edits of a dataset that wait to be applied, in the database of the workspace.

They survive restarts, and several processes can add edits at once. An undone edit is only marked,
so that it can be redone, until a new edit replaces it. Edits leave the tray after their version was
made.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from core.datasets.edits.changes import Action as Action
from core.datasets.edits.changes import Edit as Edit
from core.datasets.edits.changes import Wish, choose_leaving, settle_wish
from core.datasets.edits.changes import resolve_edits as resolve_edits
from core.errors import DatasetMissing, EditRefused
from core.formats import sort_names
from core.runs.database import read_database, write_database
from core.runs.tables import edits_table
from core.workspace import Workspace
from data.dataset import FACTS, Dataset
from data.sources.found import Tell
from data.versions import make_version

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
    """Add the same edit for each photo and return the number of the batch.

    An edit that equals the newest edit of its photo is skipped: a page that is redrawn during a
    click may send it twice.

    Args:
        action: "restore" cancels earlier edits of the photos.
        value: The class for "relabel" (known or new; case and spaces may differ), the split for
            "move", else empty.

    Raises:
        EditRefused: A photo, class, split or action does not exist, or the note is too long.
        DatasetMissing: The dataset was deleted.
    """
    paths = _list_paths(dataset, photos)
    with write_database(workspace) as connection:
        _check_there(workspace, dataset)
        edit = settle_wish(Wish("", action, value, note), _list_classes(connection, dataset))
        columns = (_TABLE.path, _TABLE.action, _TABLE.value, _TABLE.batch)
        waiting = select(*columns).where(_waiting(dataset.id)).order_by(_TABLE.number)
        newest = {path: tuple(known) for path, *known in connection.execute(waiting)}
        same = {**edit._asdict(), "dataset": dataset.id, "created": datetime.now(UTC)}
        new = [path for path in paths if newest.get(path, ())[:2] != (edit.action, edit.value)]
        if not new:
            return int(newest[paths[-1]][2])
        connection.execute(delete(edits_table).where(_undone(dataset.id)))
        # The number of its first edit becomes the number of the batch: it is new.
        first = insert(edits_table).values(same | {"path": new[0], "batch": 0})
        batch: int = connection.execute(first.returning(_TABLE.number)).scalar_one()
        connection.execute(update(edits_table).where(_TABLE.number == batch).values(batch=batch))
        if rest := [same | {"path": path, "batch": batch} for path in new[1:]]:
            connection.execute(insert(edits_table), rest)
    return batch


def _list_paths(dataset: Dataset, photos: Sequence[int]) -> list[str]:
    """Return the paths of photos, each once."""
    numbers = list(dict.fromkeys(int(photo) for photo in photos))
    if not numbers:
        raise EditRefused("No photo was chosen.", "Choose at least one photo, then edit it.")
    if any(not 0 <= number < len(dataset) for number in numbers):
        raise EditRefused(
            f"“{dataset.name}” only has photos 0 to {len(dataset) - 1}.",
            "Choose the photos again: the dataset may have changed.",
        )
    return list(dataset.manifest["path"].iloc[numbers])


def merge_duplicates(
    workspace: Workspace,
    dataset: Dataset,
    groups: Sequence[Sequence[int]],
    keep: Sequence[int] | None = None,
) -> int:
    """Exclude all but one photo of each group and return the number of the batch.

    See `choose_leaving` for the photo that stays. Edits that already wait count.

    Raises:
        EditRefused: As `choose_leaving`.
        DatasetMissing: The dataset was deleted.
    """
    changes = resolve_edits(dataset, list_edits(workspace, dataset.id))
    leaving = choose_leaving(dataset, changes, groups, keep)
    return add_edits(workspace, dataset, leaving, "exclude", note="a duplicate")


def list_edits(workspace: Workspace, dataset_id: str) -> list[Edit]:
    """Return the edits in the tray, oldest first, without undone ones."""
    query = select(*_COLUMNS).where(_waiting(dataset_id)).order_by(_TABLE.number)
    with read_database(workspace) as connection:
        return [Edit(**row._mapping) for row in connection.execute(query)]


def count_edits(workspace: Workspace, dataset_id: str, *, undone: bool = False) -> int:
    """Return the number of edits in the tray, or of undone ones."""
    counted = _undone(dataset_id) if undone else _waiting(dataset_id)
    query = select(func.count()).select_from(edits_table).where(counted)
    with read_database(workspace) as connection:
        return connection.execute(query).scalar_one()


def list_classes(workspace: Workspace, dataset: Dataset) -> list[str]:
    """Return the classes of the dataset, then new ones in the tray."""
    with read_database(workspace) as connection:
        return _list_classes(connection, dataset)


def undo_edits(workspace: Workspace, dataset_id: str, batch: int | None = None) -> int:
    """Undo the last batch and return its number of edits.

    With `batch`, only if that is still the last: an old button undoes nothing else.
    """
    with write_database(workspace) as connection:
        waiting = _waiting(dataset_id)
        last = connection.scalar(select(func.max(_TABLE.batch)).where(waiting))
        if batch not in (None, last):
            return 0
        return _mark(connection, waiting & (_TABLE.batch == last), undone=True)


def redo_edits(workspace: Workspace, dataset_id: str) -> int:
    """Redo the batch that was undone last and return its number of edits."""
    undone = _undone(dataset_id)
    first = select(func.min(_TABLE.batch)).where(undone).scalar_subquery()
    with write_database(workspace) as connection:
        return _mark(connection, undone & (_TABLE.batch == first), undone=False)


def clear_edits(workspace: Workspace, dataset_id: str) -> int:
    """Undo all edits and return their number; they can be redone batch by batch."""
    with write_database(workspace) as connection:
        return _mark(connection, _waiting(dataset_id), undone=True)


def forget_edits(workspace: Workspace, dataset_id: str, last: int | None = None) -> None:
    """Delete the edits up to number `last` (default all) and all undone ones, permanently."""
    gone = _TABLE.dataset == dataset_id
    if last is not None:
        gone &= _TABLE.undone | (_TABLE.number <= last)
    with write_database(workspace) as connection:
        connection.execute(delete(edits_table).where(gone))


def _waiting(dataset_id: str) -> ColumnElement[bool]:
    return (_TABLE.dataset == dataset_id) & ~_TABLE.undone


def _undone(dataset_id: str) -> ColumnElement[bool]:
    return (_TABLE.dataset == dataset_id) & _TABLE.undone


def _mark(connection: Connection, condition: ColumnElement[bool], *, undone: bool) -> int:
    return connection.execute(update(edits_table).where(condition).values(undone=undone)).rowcount


def _list_classes(connection: Connection, dataset: Dataset) -> list[str]:
    relabels = _waiting(dataset.id) & (_TABLE.action == "relabel")
    named = connection.scalars(select(_TABLE.value).where(relabels).distinct())
    return list(dict.fromkeys((*dataset.classes, *sort_names(named))))


def apply_edits(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the new version and empty the tray; the dataset itself does not change.

    Edits added during the work stay in the tray.

    Raises:
        EditRefused: The tray is empty, its edits change nothing, or too little would be left.
        DatasetMissing: The dataset was deleted.
        ResultDamaged: Its photos were altered.
        DiskFull: There is no room; the tray does not change.
    """
    edits = list_edits(workspace, dataset.id)
    if not edits:
        _check_there(workspace, dataset)
        raise EditRefused("The tray is empty.", "Relabel, move or exclude a photo first.")
    changes = resolve_edits(dataset, edits)
    wanted = (name or "").strip() or None
    try:
        made = make_version(workspace, dataset, changes, name=wanted, on_progress=on_progress)
    except FileNotFoundError:
        _check_there(workspace, dataset)  # deleted by another process
        raise
    forget_edits(workspace, dataset.id, edits[-1].number)
    return made


def _check_there(workspace: Workspace, dataset: Dataset) -> None:
    """Raise `DatasetMissing` if the dataset was deleted."""
    if not (workspace.dataset_folder(dataset.id) / FACTS).is_file():
        raise DatasetMissing(
            f"The dataset “{dataset.name}” was deleted.",
            "Choose another dataset, or import it again.",
            dataset=dataset.id,
        )
