"""Deleting out of the prediction log: by request, or what has become old."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update

from core.monitoring.kept_photos import forget_photos
from core.monitoring.log_reading import choose_rows
from core.runs.database import read_database, write_database
from core.runs.tables import feedback_table, predictions_table
from core.workspace import Workspace

AT_ONCE = 500
"""Rows or ids in one statement."""

_ROW = predictions_table.c
_SAID = feedback_table.c


def delete_predictions(
    workspace: Workspace,
    *,
    visitor: str | None = None,
    ids: Sequence[str] | None = None,
    photo: str | None = None,
    until: datetime | None = None,
) -> int:
    """Returns how many predictions are gone, and with them what was said of them.

    Their kept photos go, too, where nobody else asked about the same. What was reviewed and stands
    in a dataset stays there, without who said it and their note. Several conditions are met
    together; one at least is needed.

    Args:
        visitor: Whose.
        ids: Which.
        photo: Of which photo (SHA-256).
        until: What is older.
    """
    conditions = _find(visitor, photo, until)
    if not conditions and ids is None:
        raise ValueError("say which predictions to delete")
    gone, photos = 0, set[str]()
    with write_database(workspace) as connection:
        for some in split_ids(ids):
            which = conditions + ([] if some is None else [_ROW.id.in_(some)])
            photos |= set(connection.scalars(select(_ROW.photo).where(*which)))
            said = _SAID.prediction.in_(select(_ROW.id).where(*which))
            # Where a photo was left out of the dataset, nothing of it stands there.
            unused = said & (_SAID.dataset.is_(None) | (_SAID.left_out != ""))
            connection.execute(delete(feedback_table).where(unused))
            connection.execute(update(feedback_table).where(said).values(who="", note=""))
            gone += connection.execute(delete(predictions_table).where(*which)).rowcount
    forget_photos(workspace, photos)
    return gone


def count_predictions(
    workspace: Workspace,
    *,
    visitor: str | None = None,
    ids: Sequence[str] | None = None,
    photo: str | None = None,
    until: datetime | None = None,
) -> int:
    """Returns how many predictions `delete_predictions` would delete; of all without conditions."""
    conditions, found = _find(visitor, photo, until), 0
    with read_database(workspace) as connection:
        for some in split_ids(ids):
            which = conditions + ([] if some is None else [_ROW.id.in_(some)])
            query = select(func.count()).select_from(predictions_table).where(*which)
            found += connection.scalar(query) or 0
    return found


def _find(
    visitor: str | None, photo: str | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    conditions = choose_rows(None, until, None, visitor)
    return conditions + ([] if photo is None else [_ROW.photo == photo])


def split_ids(ids: Sequence[str] | None) -> Iterator[Sequence[str] | None]:
    """Yields the ids in portions that a statement takes; one None for no condition."""
    if ids is None:
        yield None
        return
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
