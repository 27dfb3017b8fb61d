"""The prediction log: which photo got which answer, by which model, and how fast; and its figures.

A row has the digest of the photo, never the photo, and its features and scores, for drift. Figures
take the table of `read_predictions`; days are UTC.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO, TypedDict, Unpack

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update

from core.errors import PetalscopeError
from core.evaluation.intervals import (
    Estimate,
    estimate_quantile,
    estimate_share,
    wilson_interval,
)
from core.formats import guard_cells
from core.monitoring.kept_photos import Photo, forget_photos, sweep_when_due
from core.monitoring.tables import feedback_table, predictions_table
from core.prediction.predictor import Prediction
from core.registry.files import MEASURED, STATED
from core.registry.store import find_classes
from core.runs.database import read_database, write_database
from core.workspace import Workspace
from data.findings import measure_photo
from data.images import read_packed_photo
from data.sources.names import match_class

_COLUMNS = {
    "id": "str",
    "time": "datetime64[us, UTC]",
    "version": "Int64",
    "run_id": "str",
    "photo": "str",
    "top": "str",
    "top_score": "float64",
    "kind": "str",
    "latency_ms": "float64",
    "source": "str",
    "visitor": "str",
}
PROPERTIES = {
    **dict.fromkeys(MEASURED, "float64"),
    **dict.fromkeys(STATED, "Int64"),
    "format": "str",
}
"""Properties of a photo in the log."""
_FEEDBACK = {"was_right": "boolean", "class_name": "object", "feedback": "object"}
_CSV_NAMES = {"photo": "photo_sha256", "class_name": "feedback_class", "feedback": "feedback_state"}
_ROW = predictions_table.c
_SAID = feedback_table.c


def describe_prediction(
    prediction: Prediction,
    photo: Photo,
    *,
    source: str,
    latency_ms: float,
    visitor: str = "",
    id: str | None = None,
) -> dict[str, Any]:
    """Return the row for the log, by the columns of `predictions_table`.

    Args:
        source: page, api or cli.
        latency_ms: From the arrival of the photo to the answer; within a batch, the photo's share.
        visitor: Names the person, so that their rows can be deleted on request.
        id: Feedback refers to it; drawn when None.
    """
    decision, facts = prediction.decision, prediction.facts
    top, top_score = decision.top[0]
    # Measured on the centre square, like the dataset's photos that they are compared with.
    usual = prediction.framing.is_packed
    measures = measure_photo(prediction.photo if usual else read_packed_photo(photo.content)[0])
    return {
        "id": id or uuid.uuid4().hex,
        "time": datetime.now(UTC),
        "version": prediction.version,
        "run_id": prediction.run_id,
        "photo": photo.sha256,
        "features": prediction.features,
        "scores": prediction.scores,
        "top": top,
        "top_score": float(top_score),
        "kind": decision.kind,
        "latency_ms": latency_ms,
        "source": source,
        "properties": {name: round(measures[name], 5) for name in MEASURED}
        | {name: getattr(facts, name) for name in (*STATED, "format")},
        "visitor": visitor,
    }


def log_predictions(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write all rows into the log, or none after an error of the database."""
    if not rows:
        return
    with write_database(workspace) as connection:
        connection.execute(insert(predictions_table), rows)
    sweep_when_due(workspace)


def read_features(workspace: Workspace, ids: Sequence[str]) -> np.ndarray:
    """Return the features of these predictions, (n, d) float16, in their order.

    Raises:
        PetalscopeError: A prediction is not in the log any more.
    """
    rows = _read_arrays(workspace, ids, "features")
    return np.stack(rows) if rows else np.empty((0, 0), np.float16)


def read_scores(workspace: Workspace, ids: Sequence[str]) -> list[np.ndarray]:
    """Return the scores of these predictions in their order, each (k,) float32 of its model.

    Raises:
        PetalscopeError: A prediction is not in the log any more.
    """
    return _read_arrays(workspace, ids, "scores")


def _read_arrays(workspace: Workspace, ids: Sequence[str], name: str) -> list[np.ndarray]:
    with read_database(workspace) as connection:
        rows = connection.execute(select(_ROW.id, _ROW[name]).where(_ROW.id.in_(set(ids))))
        found = {row[0]: row[1] for row in rows}
    missing = [one for one in ids if one not in found]
    if missing:
        raise PetalscopeError(
            f"{len(missing)} of {len(ids)} predictions are no longer in the log.",
            "They have been deleted. Reload the page.",
            code="prediction_missing",
            ids=missing[:10],
        )
    return [found[one] for one in ids]


def read_predictions(
    workspace: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    with_feedback: bool = False,
    limit: int | None = None,
) -> pd.DataFrame:
    """Return the log without its arrays, oldest first.

    Columns: id, time, version (empty for runs), run_id, photo, top, top_score, kind, latency_ms,
    source, visitor, the names in PROPERTIES, and from the newest feedback that was not discarded
    was_right, class_name (the reviewed class after a review) and feedback (its state).

    Args:
        with_feedback: Only answers with feedback.
    """
    chosen = [] if since is None else [_ROW.time >= since]
    chosen += [] if until is None else [_ROW.time < until]
    chosen += [] if versions is None else [_ROW.version.in_(versions)]
    chosen += [_SAID.number.is_not(None)] if with_feedback else []
    query = _select_rows().where(*chosen).order_by(_ROW.time.desc(), _ROW.number.desc())
    with read_database(workspace) as connection:
        rows = connection.execute(query.limit(limit)).all()[::-1]
        numbers = {row.version for row in rows}
        known = {number: find_classes(connection, number) for number in numbers}
    table = pd.DataFrame([row[: len(_COLUMNS)] for row in rows], columns=list(_COLUMNS))
    stored = pd.DataFrame([row.properties for row in rows], columns=list(PROPERTIES))
    table = table.join(stored)
    names = [row.final_class or row.class_name for row in rows]
    table["was_right"] = [
        None if name is None else match_class(name, (*known[row.version], row.top)) == row.top
        for name, row in zip(names, rows, strict=True)
    ]
    table = table.assign(class_name=names, feedback=[row.state for row in rows])
    return table.astype(_COLUMNS | PROPERTIES | _FEEDBACK)


def _select_rows() -> Select[Any]:
    """Return the query of all answers, each with its newest feedback that was not discarded."""
    newest = (
        select(_SAID.prediction, func.max(_SAID.number).label("number"))
        .where(_SAID.state != "discarded")
        .group_by(_SAID.prediction)
        .subquery()
    )
    columns = [_ROW[name] for name in (*_COLUMNS, "properties")]
    return (
        select(*columns, _SAID.state, _SAID.class_name, _SAID.final_class)
        .outerjoin(newest, newest.c.prediction == _ROW.id)
        .outerjoin(feedback_table, _SAID.number == newest.c.number)
    )


def write_csv(table: pd.DataFrame, stream: TextIO) -> None:
    """Write the table of `read_predictions` as CSV without text that a spreadsheet would run."""
    times = table["time"].map(pd.Timestamp.isoformat)
    named = table.assign(time=times).rename(columns=_CSV_NAMES)
    guard_cells(named).to_csv(stream, index=False)


class Which(TypedDict, total=False):
    """Conditions on predictions."""

    visitor: str
    ids: Sequence[str]
    photo: str
    until: datetime


def delete_predictions(workspace: Workspace, **which: Unpack[Which]) -> int:
    """Delete the predictions that meet all conditions, with their feedback; return their number.

    Their photos are deleted too, unless another prediction in the log is about the same photo. A
    dataset keeps its photos, but the name and note of the person are erased.
    """
    if not which:
        raise ValueError("say which predictions to delete")
    chosen = _list_conditions(which)
    with write_database(workspace) as connection:
        photos = set(connection.scalars(select(_ROW.photo).where(*chosen)))
        said = _SAID.prediction.in_(select(_ROW.id).where(*chosen))
        in_no_dataset = said & (_SAID.dataset.is_(None) | (_SAID.left_out != ""))
        connection.execute(delete(feedback_table).where(in_no_dataset))
        connection.execute(update(feedback_table).where(said).values(who="", note=""))
        deleted = connection.execute(delete(predictions_table).where(*chosen)).rowcount
    forget_photos(workspace, photos)
    return deleted


def count_predictions(workspace: Workspace, **which: Unpack[Which]) -> int:
    """Count the predictions that meet all conditions of `delete_predictions`."""
    query = select(func.count()).select_from(predictions_table).where(*_list_conditions(which))
    with read_database(workspace) as connection:
        return connection.scalar(query) or 0


def _list_conditions(which: Which) -> list[ColumnElement[bool]]:
    conditions = [_ROW[name] == which[name] for name in ("visitor", "photo") if name in which]
    conditions += [_ROW.time < which["until"]] if "until" in which else []
    return conditions + ([_ROW.id.in_(which["ids"])] if "ids" in which else [])


RUNS = "runs"
"""Stands for a version where a run answered."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures over a period."""

    n: int
    photos: int
    slow_latency: Estimate
    """95th percentile of the latency, ms."""
    unknown: Estimate
    """Share of the photos without an answer: unsure, or unlike all training photos."""
    accuracy: Estimate
    """Accuracy on photos with feedback."""


def summarise(table: pd.DataFrame) -> Summary:
    """Return the figures over all rows."""
    kinds, right = keep_newest(table)["kind"].to_numpy(), list_right(table)
    return Summary(
        n=len(table),
        photos=len(kinds),
        slow_latency=estimate_quantile(table["latency_ms"].to_numpy(), 0.95),
        unknown=estimate_share(int((kinds != "answer").sum()), len(kinds)),
        accuracy=estimate_share(int(right.sum()), len(right)),
    )


def keep_newest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the newest row of each photo, because a repeated photo is no new evidence."""
    newest = table.sort_values("time", kind="stable").drop_duplicates("photo", keep="last")
    return newest.sort_index()


def list_right(table: pd.DataFrame) -> np.ndarray:
    """Return whether each photo with feedback was answered correctly, (m,) bool."""
    judged = keep_newest(table.dropna(subset=["was_right"]))
    return np.asarray(judged["was_right"], dtype=bool)


def summarise_days(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each day and version that answered in it.

    Columns: time (start), version, photos (answers), different (different photos), unknown and
    accuracy with _low and _high, judged (photos with feedback).
    """
    rows = []
    starts = table["time"].dt.floor("D")
    for (start, version), part in table.groupby([starts, name_versions(table)], sort=True):
        found = summarise(part)
        row = {"time": start, "version": version, "photos": found.n, "different": found.photos}
        row["judged"] = found.accuracy.n
        for name, share in (("unknown", found.unknown), ("accuracy", found.accuracy)):
            row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        rows.append(row)
    return pd.DataFrame(rows)


def name_versions(table: pd.DataFrame) -> pd.Series:
    """Return the version of each row, "v3" or `RUNS`."""
    return ("v" + table["version"].astype("str")).fillna(RUNS)


def count_classes(
    table: pd.DataFrame, classes: Sequence[str], reference: np.ndarray | None
) -> pd.DataFrame:
    """Return shares of the predicted classes: class, photos, now, low, high, before.

    Most frequent first, with classes of other versions.

    Args:
        reference: (m,) class numbers of the reference photos; None leaves `before` empty.
    """
    counts = table["top"].value_counts()
    names = [*classes, *(str(name) for name in counts.index if name not in set(classes))]
    photos = counts.reindex(names, fill_value=0).to_numpy()
    before = np.full(len(names), np.nan)
    if reference is not None and len(reference):
        before = np.bincount(reference, minlength=len(names)) / len(reference)
    low, high = zip(*(wilson_interval(int(hits), len(table)) for hits in photos), strict=True)
    found = pd.DataFrame({"class": names, "photos": photos, "low": low, "high": high})
    found = found.assign(now=photos / max(len(table), 1), before=before)
    return found.sort_values("photos", ascending=False, kind="stable", ignore_index=True)
