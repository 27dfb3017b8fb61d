"""What people say of answers, and the review of it: the inbox that better datasets come out of.

It can be reviewed again until it is part of a dataset (core/monitoring/gathering.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)

from core.errors import FeedbackRefused
from core.formats import check_note
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.tables import feedback_table, predictions_table
from core.runs.database import read_database, write_database
from core.workspace import Workspace
from data.sources.names import check_class_name, fold_name

State = Literal["waiting", "accepted", "relabelled", "discarded", "used"]
"""“used” is accepted or relabelled feedback that a dataset was made with."""

_SAID = feedback_table.c
_ROW = predictions_table.c
_FROM_PREDICTION = {
    name: _ROW[name]
    for name in ("photo", "top", "top_score", "kind", "version", "run_id", "source")
} | {"asked": _ROW.time}


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What somebody said of an answer, and what a reviewer made of it."""

    number: int
    prediction: str
    time: datetime
    was_right: bool
    class_name: str
    who: str
    note: str
    state: State
    final_class: str | None
    """What the reviewer says it is; None before a review and when it was discarded."""
    reviewed: datetime | None
    reviewer: str
    dataset: str | None
    left_out: str
    """Why the photo is not in that dataset; "" when it is."""
    photo: str
    """SHA-256 of the photo."""
    top: str
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
    """Return feedback, newest first, without that of deleted predictions; photos are SHA-256."""
    query = _select_feedback().order_by(_SAID.number.desc()).limit(limit)
    query = query if photos is None else query.where(_ROW.photo.in_(photos))
    with read_database(workspace) as connection:
        rows = connection.execute(query if state is None else query.where(is_in(state)))
        return [_read(row) for row in rows]


def count_feedback(workspace: Workspace, *, by_photo: bool = False) -> dict[State, int]:
    """Return how much feedback is in each state; accepted and relabelled: not yet in a dataset.

    A photo may count once (`by_photo`), however much was said of it.
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
    """Return the condition that feedback is in a state."""
    if state == "used":
        return _SAID.dataset.is_not(None)
    return (_SAID.state == state) & _SAID.dataset.is_(None)


def _read(row: Any) -> Feedback:
    values = dict(row._mapping)
    if values["dataset"] is not None:
        values["state"] = "used"
    return Feedback(**values)


Action = Literal["accept", "relabel", "discard", "reopen"]

LONGEST_NOTE, LONGEST_NAME = 500, 200

_OUTCOMES = {
    "accept": "accepted",
    "relabel": "relabelled",
    "discard": "discarded",
    "reopen": "waiting",
}


def give_feedback(
    workspace: Workspace,
    prediction_id: str,
    *,
    class_name: str,
    photo: bytes | None = None,
    who: str = "",
    note: str = "",
) -> Feedback:
    """Return the feedback, which waits for review; it replaces one that waits for the same answer.

    Args:
        class_name: What it is; the answer was right when it said the same.
        photo: Its bytes, with the person's consent to keep them until the review is over.

    Raises:
        FeedbackRefused: No such prediction is in the log, the photo is not the one that it was
            about, or a text cannot be kept.
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in note)
    values: dict[str, Any] = {
        "prediction": prediction_id,
        "time": datetime.now(UTC),
        "who": _settle_name(who),
        "note": check_note(shown, LONGEST_NOTE, FeedbackRefused),
    }
    with write_database(workspace) as connection:
        query = select(_ROW.top, _ROW.photo).where(_ROW.id == prediction_id)
        row = connection.execute(query).first()
        if row is None:
            raise FeedbackRefused(
                "There is no such prediction in the log.",
                "Ask for the answer again, then say what is right.",
                prediction=prediction_id[:64],
            )
        given = None if photo is None else Photo(photo)
        if given is not None and given.sha256 != row.photo:
            raise FeedbackRefused(
                "This is not the photo that the answer was about.",
                "Send the same file again, byte for byte, or none.",
                prediction=prediction_id,
            )
        right = fold_name(class_name) == fold_name(row.top)  # in another spelling, it may be
        values["was_right"] = right
        values["class_name"] = row.top if right else check_class_name(class_name)
        number = _write(connection, values)
        kept = connection.execute(_select_feedback().where(_SAID.number == number)).one()
    if given is not None:
        keep_photo(workspace, given, consent=True)
    return _read(kept)


def review_feedback(
    workspace: Workspace,
    numbers: Sequence[int],
    action: Action,
    *,
    class_name: str | None = None,
    reviewer: str = "",
    expected: State | None = None,
) -> int:
    """Return how much of this feedback was reviewed; what stands in a dataset is passed over.

    A photo is decided on once: whatever else was said of it and is in the same state is decided on
    with it and gets the same class.

    Args:
        numbers: Which; of several on one photo each keeps its own class when it is accepted.
        class_name: With “relabel”: what it is.
        expected: Only feedback that is still in this state: nobody decides twice unseen.

    Raises:
        FeedbackRefused: To relabel without a class, or with one that cannot be kept.
    """
    values = _write_review(_OUTCOMES[action], reviewer)
    values["final_class"] = check_class_name(class_name or "") if action == "relabel" else None
    reviewed = 0
    with write_database(workspace) as connection:
        for row in connection.execute(_select_open(numbers, expected)).all():
            if action == "accept":
                values["final_class"] = row.class_name
            photo = _SAID.prediction.in_(select(_ROW.id).where(_ROW.photo == row.photo))
            other = photo & _SAID.number.not_in(numbers)
            which = ((_SAID.number == row.number) | other) & _SAID.dataset.is_(None)
            which &= _SAID.state == row.state
            done = connection.execute(update(feedback_table).where(which).values(values))
            reviewed += done.rowcount > 0
    return reviewed


def restore_reviews(
    workspace: Workspace,
    former: Sequence[tuple[int, State, str | None]],
    reviewer: str = "",
    *,
    action: Action | None = None,
) -> int:
    """Return how many reviews are again what they were; what stands in a dataset stays.

    Args:
        former: Number, state and reviewed class of each, as they were.
        action: Only what this reviewer did so last: what somebody else decided since stays.
    """
    restored = 0
    with write_database(workspace) as connection:
        for number, state, final_class in former:
            values = _write_review(state, reviewer) | {"final_class": final_class}
            which = (_SAID.number == number) & _SAID.dataset.is_(None)
            if action is not None:
                last = _write_review(_OUTCOMES[action], reviewer)
                which &= (_SAID.state == last["state"]) & (_SAID.reviewer == last["reviewer"])
            done = connection.execute(update(feedback_table).where(which).values(values))
            restored += done.rowcount
    return restored


def _write_review(state: str, reviewer: str) -> dict[str, Any]:
    """Return what the review to a state writes: when, and by whom; neither where it is open."""
    if state == "waiting":
        return {"state": state, "reviewed": None, "reviewer": ""}
    return {"state": state, "reviewed": datetime.now(UTC), "reviewer": _settle_name(reviewer)}


def _settle_name(name: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME]


def _select_open(numbers: Sequence[int], state: State | None) -> Select[Any]:
    """Return the query of these that are in no dataset yet, and in that state."""
    columns = (_SAID.number, _SAID.state, _SAID.class_name, _ROW.photo)
    query = select(*columns).join(predictions_table, _ROW.id == _SAID.prediction)
    query = query.where(_SAID.number.in_(numbers), _SAID.dataset.is_(None)).order_by(_SAID.number)
    return query if state is None else query.where(is_in(state))


def _write(connection: Connection, values: dict[str, Any]) -> int:
    """Return the number of the feedback: of the one that waited, or a new one."""
    waiting = (_SAID.prediction == values["prediction"]) & (_SAID.state == "waiting")
    known = connection.scalar(select(func.max(_SAID.number)).where(waiting))
    if known is None:
        made = insert(feedback_table).values(**values).returning(_SAID.number)
        return int(connection.execute(made).scalar_one())
    connection.execute(update(feedback_table).where(_SAID.number == known).values(**values))
    return int(known)
