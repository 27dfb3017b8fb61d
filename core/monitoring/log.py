"""The prediction log: what was asked, what was answered, by which model, and how long it took.

A row holds the digest of a photo, never the photo, and its features and scores, for drift. Read as
a table, each row comes with what people said of the answer.
"""

import csv
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update

from core.errors import PredictionMissing
from core.formats import cell_text
from core.monitoring.kept_photos import Photo, forget_photos, sweep_when_due
from core.monitoring.tables import (
    LOGGED,
    PROPERTIES,
    NewPrediction,
    feedback_table,
    predictions_table,
    split_ids,
)
from core.prediction.predictor import Prediction
from core.runs.database import read_database, write_database
from core.workspace import Workspace
from data.findings import measure_photo
from data.images import read_packed_photo
from data.sources.names import fold_name
from models.catalogue import FEATURE_WIDTH

_COLUMNS = {name: logged.dtype for name, logged in LOGGED.items() if logged.dtype}
_FEEDBACK = {"was_right": "boolean", "class_name": "object", "feedback": "object"}
_ROW = predictions_table.c
_SAID = feedback_table.c

_MEASURED = ("brightness", "contrast", "sharpness", "colourfulness")
_FACTS = ("width", "height", "bytes", "format")


def describe_prediction(
    prediction: Prediction,
    photo: Photo,
    *,
    source: str,
    latency_ms: float,
    visitor: str = "",
    id: str | None = None,
) -> NewPrediction:
    """Return what the log keeps of an answer.

    Args:
        source: page, api or cli.
        latency_ms: From the arrival of the photo to the answer; of one among many that a person
            gave at once, what it took by itself.
        visitor: Whose request it was, so that they can have it deleted.
        id: By which feedback refers to it; drawn when None.
    """
    decision, facts = prediction.decision, prediction.facts
    top, top_score = (decision.top if decision else prediction.top)[0]
    # As those of the dataset's photos are, which it is compared with: of the centre square.
    usual = prediction.framing.is_packed
    measures = measure_photo(prediction.photo if usual else read_packed_photo(photo.content)[0])
    return NewPrediction(
        id=id or uuid.uuid4().hex,
        time=datetime.now(UTC),
        version=prediction.version,
        run_id=prediction.run_id,
        photo=photo.sha256,
        features=prediction.features,
        scores=prediction.scores,
        top=top,
        top_score=float(top_score),
        kind=decision.kind if decision else "answer",
        latency_ms=latency_ms,
        source=source,
        properties={name: round(measures[name], 5) for name in _MEASURED}
        | {name: getattr(facts, name) for name in _FACTS},
        visitor=visitor,
    )


def log_predictions(workspace: Workspace, rows: Sequence[NewPrediction]) -> None:
    """Write rows into the log: all, or, after an error of the database, none."""
    if not rows:
        return
    packed = [{name: one.pack(getattr(row, name)) for name, one in LOGGED.items()} for row in rows]
    with write_database(workspace) as connection:
        connection.execute(insert(predictions_table), packed)
    sweep_when_due(workspace)


def read_features(workspace: Workspace, ids: Sequence[str]) -> np.ndarray:
    """Return the features of these predictions, (n, 2048) float16, in their order.

    Raises:
        PredictionMissing: One is not in the log (any more).
    """
    rows = _read_arrays(workspace, ids, "features")
    return np.stack(rows) if rows else np.empty((0, FEATURE_WIDTH), np.float16)


def read_scores(workspace: Workspace, ids: Sequence[str]) -> list[np.ndarray]:
    """Return the scores of these predictions in their order, each (k,) float32 of its model.

    Raises:
        PredictionMissing: One is not in the log (any more).
    """
    return _read_arrays(workspace, ids, "scores")


def _read_arrays(workspace: Workspace, ids: Sequence[str], name: str) -> list[np.ndarray]:
    found: dict[str, bytes] = {}
    with read_database(workspace) as connection:
        for some in split_ids(list(dict.fromkeys(ids))):
            query = select(_ROW.id, _ROW[name]).where(_ROW.id.in_(some))
            found |= {row[0]: row[1] for row in connection.execute(query)}
    missing = [one for one in ids if one not in found]
    if missing:
        raise PredictionMissing(
            f"{len(missing)} of {len(ids)} predictions are not in the log any more.",
            "They were deleted meanwhile: look again.",
            ids=missing[:10],
        )
    return [np.frombuffer(found[one], LOGGED[name].array) for one in ids]


def read_predictions(
    workspace: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    told: bool = False,
    limit: int | None = None,
) -> pd.DataFrame:
    """Return the log without its arrays, oldest first; `told`: only answers with feedback.

    Columns: id, time, version (empty for runs), run_id, photo, top, top_score, kind, latency_ms,
    source, visitor, those of PROPERTIES, and of the newest feedback that was not discarded
    was_right, class_name (the reviewed class once there is one) and feedback (its state).
    """
    chosen = [] if since is None else [_ROW.time >= since]
    chosen += [] if until is None else [_ROW.time < until]
    chosen += [] if versions is None else [_ROW.version.in_(versions)]
    chosen += [_SAID.number.is_not(None)] if told else []
    query = _select_rows().where(*chosen).order_by(_ROW.time.desc(), _ROW.number.desc())
    with read_database(workspace) as connection:
        rows = connection.execute(query.limit(limit)).all()[::-1]
    table = pd.DataFrame([row[: len(_COLUMNS)] for row in rows], columns=list(_COLUMNS))
    properties = [json.loads(row.properties) for row in rows]
    for name in PROPERTIES:
        table[name] = [values.get(name) for values in properties]
    table["was_right"] = [_is_right(row) for row in rows]
    table["class_name"] = [row.final_class or row.class_name for row in rows]
    table["feedback"] = [row.state for row in rows]
    return table.astype(_COLUMNS | PROPERTIES | _FEEDBACK)


def write_csv(table: pd.DataFrame, stream: TextIO) -> int:
    """Return how many predictions were written as CSV; text that a spreadsheet would run is not.

    The table is of `read_predictions`, the stream opened with newline="".
    """
    names = {"class_name": "feedback_class", "feedback": "feedback_state"}
    names |= {name: logged.csv for name, logged in LOGGED.items() if logged.csv}
    writer = csv.writer(stream)
    writer.writerow([names.get(name, name) for name in table.columns])
    for row in table.itertuples(index=False):
        writer.writerow([_write_cell(value) for value in row])
    return len(table)


def _select_rows() -> Select[Any]:
    newest = (
        select(_SAID.prediction, func.max(_SAID.number).label("number"))
        .where(_SAID.state != "discarded")
        .group_by(_SAID.prediction)
        .subquery()
    )
    columns = [_ROW[name] for name in _COLUMNS]
    return (
        select(*columns, _ROW.properties, _SAID.state, _SAID.class_name, _SAID.final_class)
        .outerjoin(newest, newest.c.prediction == _ROW.id)
        .outerjoin(feedback_table, _SAID.number == newest.c.number)
    )


def _is_right(row: Any) -> bool | None:
    name = row.final_class or row.class_name
    return None if row.state is None else fold_name(name) == fold_name(row.top)


def _write_cell(value: object) -> object:
    if isinstance(value, str):
        return cell_text(value)
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return "" if pd.isna(value) else value


def delete_predictions(
    workspace: Workspace,
    *,
    visitor: str | None = None,
    ids: Sequence[str] | None = None,
    photo: str | None = None,
    until: datetime | None = None,
) -> int:
    """Return how many predictions are gone, and with them what was said of them.

    Their kept photos go, too, where nobody else asked about the same. What stands in a dataset
    stays there, without who said it and their note. Conditions are met together.
    """
    if visitor is None and ids is None and photo is None and until is None:
        raise ValueError("say which predictions to delete")
    gone, photos = 0, set[str]()
    with write_database(workspace) as connection:
        for which in _choose_rows(visitor, ids, photo, until):
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
    """Return how many predictions `delete_predictions` would delete; of all without conditions."""
    found = 0
    with read_database(workspace) as connection:
        for which in _choose_rows(visitor, ids, photo, until):
            query = select(func.count()).select_from(predictions_table).where(*which)
            found += connection.scalar(query) or 0
    return found


def _choose_rows(
    visitor: str | None, ids: Sequence[str] | None, photo: str | None, until: datetime | None
) -> Iterator[list[ColumnElement[bool]]]:
    """Yield the conditions that the rows meet, once for each portion of the ids."""
    given = ((_ROW.visitor, visitor), (_ROW.photo, photo))
    conditions = [column == value for column, value in given if value is not None]
    conditions += [] if until is None else [_ROW.time < until]
    if ids is None:
        yield conditions
        return
    for some in split_ids(ids):
        yield [*conditions, _ROW.id.in_(some)]
