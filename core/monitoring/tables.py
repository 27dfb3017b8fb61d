"""The tables of monitoring: the prediction log, what people say of its answers, alarms.

A row of the log is described once, by `NewPrediction`: table, what is read, and CSV follow from it.
A column that comes later needs a `server_default` or may be empty; see core/runs/tables.py.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_type_hints

import numpy as np
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeEngine

from core.runs.tables import UtcTime, numbered_table


@dataclass(frozen=True, kw_only=True)
class Logged:
    """How the log keeps a value: its column in the database, and how it is read."""

    kind: TypeEngine[Any]
    dtype: str = ""
    """In a table that is read; "" where it is not a column of that."""
    array: str = ""
    """Of an array that is kept as bytes: the dtype of its numbers."""
    column: str = ""
    """Name in the database, where another than the field's."""
    csv: str = ""
    """Name in a CSV file, where another than the field's."""
    is_index: bool = False
    is_unique: bool = False
    may_be_empty: bool = False
    default: str | None = None
    """What rows of an older program have."""

    def make_column(self, name: str) -> Column[Any]:
        """Return the column for the field of that name, which is its key."""
        return Column(
            self.column or name,
            self.kind,
            nullable=self.may_be_empty,
            unique=self.is_unique or None,
            index=self.is_index or None,
            server_default=self.default,
            key=name,
        )

    def pack(self, value: object) -> object:
        """Return a value as the database keeps it."""
        if self.array:
            return np.asarray(value, dtype=self.array).tobytes()
        return json.dumps(value) if isinstance(value, dict) else value


_ID, _TEXT = String(64), Text()

AT_ONCE = 500
"""Ids in one statement."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewPrediction:
    """An answer, as it goes into the log."""

    id: Annotated[str, Logged(kind=_ID, dtype="str", is_unique=True)]
    time: Annotated[datetime, Logged(kind=UtcTime(), dtype="datetime64[us, UTC]", is_index=True)]
    version: Annotated[
        int | None, Logged(kind=Integer(), dtype="Int64", is_index=True, may_be_empty=True)
    ]
    """Number of the registered version; None for a run that was asked itself."""
    run_id: Annotated[str, Logged(kind=_ID, dtype="str", column="run")]
    photo: Annotated[str, Logged(kind=_ID, dtype="str", csv="photo_sha256", is_index=True)]
    top: Annotated[str, Logged(kind=_TEXT, dtype="str")]
    top_score: Annotated[float, Logged(kind=Float(), dtype="float64")]
    """As it was shown: calibrated where the model has a rule."""
    kind: Annotated[str, Logged(kind=String(16), dtype="str")]
    """A core.prediction.deciding.Kind."""
    latency_ms: Annotated[float, Logged(kind=Float(), dtype="float64")]
    source: Annotated[str, Logged(kind=String(16), dtype="str")]
    properties: Annotated[dict[str, Any], Logged(kind=_TEXT, default="{}")]
    visitor: Annotated[str, Logged(kind=_TEXT, dtype="str", default="", is_index=True)]
    # Last: SQLite reads a row only as far as it must, and these are most of it.
    features: Annotated[np.ndarray, Logged(kind=LargeBinary(), array="<f2")]
    """(2048,) float."""
    scores: Annotated[np.ndarray, Logged(kind=LargeBinary(), array="<f4")]
    """(k,) float, as the model gives them."""


LOGGED: dict[str, Logged] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(NewPrediction, include_extras=True).items()
}
"""Each field of a row and how it is kept."""

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
"""What is kept of a photo, and how a table holds it; the first four: see data.findings."""

predictions_table = numbered_table(
    "predictions",
    *(logged.make_column(name) for name, logged in LOGGED.items()),
)

feedback_table = numbered_table(
    "feedback",
    Column("prediction", String(64), nullable=False, index=True),
    Column("time", UtcTime, nullable=False),
    Column("was_right", Boolean, nullable=False),
    Column("class_name", Text, nullable=False),
    Column("who", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False, server_default="waiting", index=True),
    Column("final_class", Text),
    Column("reviewed", UtcTime),
    Column("reviewer", Text, nullable=False, server_default=""),
    Column("dataset", String(64)),
    Column("left_out", Text, nullable=False, server_default=""),
)

alarms_table = numbered_table(
    "alarms",
    Column("rule", String(64), nullable=False, index=True),
    Column("level", String(16), nullable=False),
    Column("raised", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("version", Integer),
    Column("facts", Text, nullable=False, server_default="{}"),
)


def split_ids(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in portions that a statement takes."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
