"""The prediction log as a table: filtered, with what people said of the answers, and as CSV."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

import pandas as pd
from sqlalchemy import ColumnElement, Select, func, select

from core.formats import cell_text
from core.runs.database import read_database
from core.runs.tables import feedback_table, predictions_table
from core.workspace import Workspace
from data.sources.spellings import fold_name

PROPERTIES = {
    "brightness": "float64",
    "contrast": "float64",
    "sharpness": "float64",
    "colourfulness": "float64",
    "width": "Int64",
    "height": "Int64",
    "bytes": "Int64",
    "format": "str",
}
"""What is kept of a photo, and how a table holds it; the first four: see data.measures."""

COLUMNS = {
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
_FEEDBACK = {"was_right": "boolean", "class_name": "object", "feedback": "object"}
_ROW = predictions_table.c
_SAID = feedback_table.c


def read_predictions(
    workspace: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    versions: Sequence[int] | None = None,
    visitor: str | None = None,
    told: bool = False,
    limit: int | None = None,
) -> pd.DataFrame:
    """Returns the log without its arrays, oldest first.

    Columns: id, time, version (empty for runs), run_id, photo, top, top_score, kind, latency_ms,
    source, visitor, those of PROPERTIES, and of the newest feedback that was not discarded
    was_right, class_name (the reviewed class once there is one) and feedback (its state); empty
    where nobody said anything.

    Args:
        since: Only what is not older.
        until: Only what is older.
        versions: Only answers of these.
        visitor: Only requests of theirs.
        told: Only answers that somebody said something of.
        limit: At most so many, the newest.
    """
    chosen = choose_rows(since, until, versions, visitor)
    chosen += [_SAID.number.is_not(None)] if told else []
    query = _select_rows().where(*chosen).order_by(_ROW.time.desc(), _ROW.number.desc())
    with read_database(workspace) as connection:
        rows = connection.execute(query.limit(limit)).all()[::-1]
    table = pd.DataFrame([row[: len(COLUMNS)] for row in rows], columns=list(COLUMNS))
    properties = [json.loads(row.properties) for row in rows]
    for name in PROPERTIES:
        table[name] = [values.get(name) for values in properties]
    said = [_settle_feedback(row.top, row.state, row.class_name, row.final_class) for row in rows]
    for place, name in enumerate(_FEEDBACK):
        table[name] = [values[place] for values in said]
    return table.astype(COLUMNS | PROPERTIES | _FEEDBACK)


def write_csv(table: pd.DataFrame, stream: TextIO) -> int:
    """Returns how many predictions were written as CSV; text that a spreadsheet would run is not.

    Args:
        table: Of `read_predictions`.
        stream: Opened with newline="".
    """
    names = {"photo": "photo_sha256", "class_name": "feedback_class", "feedback": "feedback_state"}
    writer = csv.writer(stream)
    writer.writerow([names.get(name, name) for name in table.columns])
    for row in table.itertuples(index=False):
        writer.writerow([_write_cell(value) for value in row])
    return len(table)


def choose_rows(
    since: datetime | None,
    until: datetime | None,
    versions: Sequence[int] | None,
    visitor: str | None,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    conditions += [] if since is None else [_ROW.time >= since]
    conditions += [] if until is None else [_ROW.time < until]
    conditions += [] if versions is None else [_ROW.version.in_(versions)]
    conditions += [] if visitor is None else [_ROW.visitor == visitor]
    return conditions


def _select_rows() -> Select[Any]:
    newest = (
        select(_SAID.prediction, func.max(_SAID.number).label("number"))
        .where(_SAID.state != "discarded")
        .group_by(_SAID.prediction)
        .subquery()
    )
    columns = [_ROW.run if name == "run_id" else _ROW[name] for name in COLUMNS]
    return (
        select(*columns, _ROW.properties, _SAID.state, _SAID.class_name, _SAID.final_class)
        .outerjoin(newest, newest.c.prediction == _ROW.id)
        .outerjoin(feedback_table, _SAID.number == newest.c.number)
    )


def _settle_feedback(
    top: str, state: str | None, class_name: str | None, final_class: str | None
) -> tuple[bool | None, str | None, str | None]:
    if state is None:
        return None, None, None
    name = final_class or class_name
    return fold_name(name or "") == fold_name(top), name, state


def _write_cell(value: object) -> object:
    if isinstance(value, str):
        return cell_text(value)
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return "" if pd.isna(value) else value
