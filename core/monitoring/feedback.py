"""Feedback on answers and its review: the inbox that new dataset versions are made from.

A review can change until the photo is part of a dataset (core/monitoring/gathering.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
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
from core.registry.store import find_classes
from core.runs.database import read_database, write_database
from core.workspace import Workspace
from data.sources.names import check_class_name, find_meant_class, match_class

State = Literal["waiting", "accepted", "relabelled", "discarded", "used"]
"""“used”: accepted or relabelled, and part of a dataset now."""
Action = Literal["accept", "relabel", "discard", "reopen"]

LONGEST_NOTE, LONGEST_NAME = 500, 200
_OUTCOMES = {
    "accept": "accepted",
    "relabel": "relabelled",
    "discard": "discarded",
    "reopen": "waiting",
}
_SAID = feedback_table.c
_ROW = predictions_table.c
_USED = literal_column("'used'", String)  # no parameter, because it is grouped by
_STATE = case((_SAID.dataset.is_not(None), _USED), else_=_SAID.state).label("state")
_OF_ANSWER = ("photo", "top", "top_score", "kind", "version", "run_id", "source")
_FIELDS = [
    *(column for column in _SAID if column.name != "state"),
    _STATE,
    *(_ROW[name].label(name) for name in _OF_ANSWER),
    _ROW.time.label("asked"),
]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Feedback of a person on an answer, and its review."""

    number: int
    prediction: str
    time: datetime
    was_right: bool
    class_name: str
    who: str
    note: str
    state: State
    final_class: str | None
    """The reviewed class; None before a review and after a discard."""
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
    def true_class(self) -> str:
        """The reviewed class, or before a review the reported one."""
        return self.final_class or self.class_name

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
    """Return feedback, newest first; photos are SHA-256."""
    query = _select(*_FIELDS).order_by(_SAID.number.desc()).limit(limit)
    query = query if photos is None else query.where(_ROW.photo.in_(photos))
    query = query if state is None else query.where(_STATE.element == state)
    with read_database(workspace) as connection:
        return [Feedback(**row._asdict()) for row in connection.execute(query)]


def count_feedback(workspace: Workspace, *, by_photo: bool = False) -> dict[State, int]:
    """Count the feedback in each state, or with `by_photo` the different photos."""
    number = func.count(func.distinct(_ROW.photo)) if by_photo else func.count()
    counts: dict[State, int] = dict.fromkeys(get_args(State), 0)
    with read_database(workspace) as connection:
        return counts | dict(connection.execute(_select(_STATE, number).group_by(_STATE)).all())


def _select(*columns: Any) -> Select[Any]:
    return select(*columns).join_from(
        feedback_table, predictions_table, _ROW.id == _SAID.prediction
    )


def give_feedback(
    workspace: Workspace,
    prediction_id: str,
    *,
    class_name: str,
    photo: bytes | None = None,
    who: str = "",
    note: str = "",
) -> Feedback:
    """Store feedback for review, in place of unreviewed feedback on the same answer.

    Args:
        class_name: The true class; the answer was right if it is the same.
        photo: Bytes of the photo, with consent to store them until the review is over.

    Raises:
        FeedbackRefused: The prediction is not in the log, the photo is another one, or a text
            cannot be stored.
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in note)
    values: dict[str, Any] = {
        "prediction": prediction_id,
        "time": datetime.now(UTC),
        "who": _settle_name(who),
        "note": check_note(shown, LONGEST_NOTE, FeedbackRefused),
    }
    given = None if photo is None else Photo(photo)
    with write_database(workspace) as connection:
        query = select(_ROW.top, _ROW.photo, _ROW.version).where(_ROW.id == prediction_id)
        answer = connection.execute(query).first()
        if answer is None:
            raise FeedbackRefused(
                "This prediction is not in the log.",
                "Predict the photo again, then give feedback.",
                prediction=prediction_id[:64],
            )
        if given is not None and given.sha256 != answer.photo:
            raise FeedbackRefused(
                "This is not the photo of the prediction.",
                "Send exactly the same file, or none.",
                prediction=prediction_id,
            )
        known = find_classes(connection, answer.version)
        right = match_class(class_name, [*known, answer.top]) == answer.top
        values["was_right"] = right
        values["class_name"] = answer.top if right else check_class_name(class_name)
        stored = _store(connection, values)
    if given is not None:
        keep_photo(workspace, given, consent=True)
    return stored


def settle_class(workspace: Workspace, prediction_id: str, class_name: str) -> str:
    """Return the class of the version that answered with that name in any spelling.

    Raises:
        FeedbackRefused: It does not: a program that misspells a class must not add one.
    """
    with read_database(workspace) as connection:
        query = select(_ROW.version).where(_ROW.id == prediction_id)
        classes = find_classes(connection, connection.scalar(query))
    if (known := match_class(class_name, classes)) in classes or not classes:
        return known
    meant = find_meant_class(class_name, classes)
    raise FeedbackRefused(
        f"The model does not know the class “{class_name}”.",
        f"Did you mean “{meant}”?"
        if meant
        else "GET /v1/models lists the classes. Give feedback of a new class on the page Predict.",
        prediction=prediction_id,
    )


def _store(connection: Connection, values: dict[str, Any]) -> Feedback:
    """Insert the feedback, or replace feedback on the same answer that waits for review."""
    waits = (_SAID.prediction == values["prediction"]) & (_SAID.state == "waiting")
    number = connection.scalar(select(func.max(_SAID.number)).where(waits))
    if number is None:
        made = insert(feedback_table).values(**values).returning(_SAID.number)
        number = connection.execute(made).scalar_one()
    else:
        connection.execute(update(feedback_table).where(_SAID.number == number).values(**values))
    query = _select(*_FIELDS).where(_SAID.number == number)
    return Feedback(**connection.execute(query).one()._asdict())


def review_feedback(
    workspace: Workspace,
    numbers: Sequence[int],
    action: Action,
    *,
    class_name: str | None = None,
    reviewer: str = "",
    expected: State | None = None,
) -> int:
    """Review feedback, except where its photo is in a dataset; return the number reviewed.

    Other feedback on the same photo in the same state is reviewed with it and gets the same class.

    Args:
        numbers: With “accept”, two numbers on one photo each keep their own class.
        class_name: With “relabel”, the true class.
        expected: Only feedback still in this state, so that two reviewers do not both decide.

    Raises:
        FeedbackRefused: “relabel” without a valid class.
    """
    values = _write_review(_OUTCOMES[action], reviewer)
    values["final_class"] = check_class_name(class_name or "") if action == "relabel" else None
    reviewed = 0
    with write_database(workspace) as connection:
        query = _select(_SAID.number, _SAID.state, _SAID.class_name, _ROW.photo)
        query = query.where(_SAID.number.in_(numbers), _SAID.dataset.is_(None))
        query = query if expected is None else query.where(_STATE.element == expected)
        for row in connection.execute(query.order_by(_SAID.number)).all():
            if action == "accept":
                values["final_class"] = row.class_name
            same_photo = _SAID.prediction.in_(select(_ROW.id).where(_ROW.photo == row.photo))
            other = same_photo & _SAID.number.not_in(numbers)
            which = ((_SAID.number == row.number) | other) & _SAID.dataset.is_(None)
            which &= _SAID.state == row.state
            done = connection.execute(update(feedback_table).where(which).values(values))
            reviewed += done.rowcount > 0
    return reviewed


def restore_reviews(
    workspace: Workspace,
    former: Sequence[tuple[int, State, str | None]],
    reviewer: str,
    action: Action,
) -> int:
    """Undo this action of the reviewer where no other review followed; return the number undone.

    Args:
        former: Number, state and reviewed class before the action.
    """
    last = _write_review(_OUTCOMES[action], reviewer)
    restored = 0
    with write_database(workspace) as connection:
        for number, state, final_class in former:
            values = _write_review(state, reviewer) | {"final_class": final_class}
            which = (_SAID.number == number) & _SAID.dataset.is_(None)
            which &= (_SAID.state == last["state"]) & (_SAID.reviewer == last["reviewer"])
            done = connection.execute(update(feedback_table).where(which).values(values))
            restored += done.rowcount
    return restored


def _write_review(state: str, reviewer: str) -> dict[str, Any]:
    """Return the columns of a review; time and name are empty in the state “waiting”."""
    if state == "waiting":
        return {"state": state, "reviewed": None, "reviewer": ""}
    return {"state": state, "reviewed": datetime.now(UTC), "reviewer": _settle_name(reviewer)}


def _settle_name(name: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME]
