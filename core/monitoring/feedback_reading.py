"""Feedback as it is read: lists, single ones, counts; each with the answer that it is about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, String, case, func, literal_column, select

from core.runs.database import read_database
from core.runs.tables import feedback_table, predictions_table
from core.workspace import Workspace

State = Literal["waiting", "accepted", "relabelled", "discarded", "used"]
"""“used” is accepted or relabelled feedback that a dataset was made with."""

_SAID = feedback_table.c
_ROW = predictions_table.c
_FROM_PREDICTION = {
    "photo": _ROW.photo,
    "top": _ROW.top,
    "top_score": _ROW.top_score,
    "kind": _ROW.kind,
    "version": _ROW.version,
    "run_id": _ROW.run,
    "source": _ROW.source,
    "asked": _ROW.time,
}


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What somebody said of an answer, and what a reviewer made of it."""

    number: int
    prediction: str
    """Id of the prediction in the log."""
    time: datetime
    was_right: bool
    class_name: str
    """What they say it is."""
    who: str
    note: str
    state: State
    final_class: str | None
    """What the reviewer says it is; None before a review and when it was discarded."""
    reviewed: datetime | None
    reviewer: str
    dataset: str | None
    """The dataset it was gathered for."""
    left_out: str
    """Why the photo is not in that dataset; "" when it is."""
    photo: str
    """SHA-256 of the photo."""
    top: str
    """What the model said."""
    top_score: float
    kind: str
    version: int | None
    run_id: str
    source: str
    asked: datetime

    @property
    def is_open(self) -> bool:
        """Whether the review can still change."""
        return self.dataset is None


def list_feedback(
    workspace: Workspace,
    *,
    state: State | None = None,
    photos: Collection[str] | None = None,
    limit: int | None = None,
) -> list[Feedback]:
    """Returns feedback, newest first; that of deleted predictions is left out.

    Args:
        workspace: Where it was given.
        state: Only what is in it.
        photos: Only what was said of these (SHA-256).
        limit: At most so much.
    """
    query = _select_feedback().order_by(_SAID.number.desc()).limit(limit)
    query = query if photos is None else query.where(_ROW.photo.in_(photos))
    with read_database(workspace) as connection:
        rows = connection.execute(query if state is None else query.where(is_in(state)))
        return [_read(row) for row in rows]


def read_feedback(workspace: Workspace, numbers: Sequence[int]) -> list[Feedback]:
    """Returns the feedback of these numbers, in their order; those that are gone are left out."""
    query = _select_feedback().where(_SAID.number.in_(numbers))
    with read_database(workspace) as connection:
        found = {row.number: _read(row) for row in connection.execute(query)}
    return [found[number] for number in numbers if number in found]


def count_feedback(workspace: Workspace, *, by_photo: bool = False) -> dict[State, int]:
    """Returns how much feedback is in each state; accepted and relabelled: not yet in a dataset.

    Args:
        workspace: Where it was given.
        by_photo: Whether a photo counts once, however much was said of it.
    """
    what = func.count(func.distinct(_ROW.photo)) if by_photo else func.count()
    used = literal_column("'used'", String)  # no parameter, since it is grouped by
    in_state = case((_SAID.dataset.is_not(None), used), else_=_SAID.state)
    query = select(in_state, what).join(predictions_table, _ROW.id == _SAID.prediction)
    counts: dict[State, int] = dict.fromkeys(get_args(State), 0)
    with read_database(workspace) as connection:
        return counts | dict(connection.execute(query.group_by(in_state)).all())


def _select_feedback() -> Select[Any]:
    columns = [column.label(name) for name, column in _FROM_PREDICTION.items()]
    return select(feedback_table, *columns).join(predictions_table, _ROW.id == _SAID.prediction)


def is_in(state: State) -> ColumnElement[bool]:
    """Returns the condition that feedback is in a state."""
    if state == "used":
        return _SAID.dataset.is_not(None)
    return (_SAID.state == state) & _SAID.dataset.is_(None)


def _read(row: Any) -> Feedback:
    values = dict(row._mapping)
    if values["dataset"] is not None:
        values["state"] = "used"
    return Feedback(**values)
