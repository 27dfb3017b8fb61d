"""The tables of monitoring: the prediction log, feedback on its answers, alarms.

A column that comes later needs a `server_default` or may be empty; see core/runs/tables.py.
"""

from typing import Any

import numpy as np
from sqlalchemy import JSON, Boolean, Column, Dialect, Float, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator

from core.runs.tables import UtcTime, numbered_table


class Floats(TypeDecorator[np.ndarray]):
    """A vector of floats, stored as its bytes."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, dtype: str) -> None:
        super().__init__()
        self.dtype = dtype

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes:
        del dialect
        return np.asarray(value, dtype=self.dtype).tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> np.ndarray:
        del dialect
        return np.frombuffer(value, self.dtype)


predictions_table = numbered_table(
    "predictions",
    Column("id", String(64), nullable=False, unique=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("version", Integer, index=True),  # empty where a run answered
    Column("run", String(64), nullable=False, key="run_id"),
    Column("photo", String(64), nullable=False, index=True),  # SHA-256
    Column("top", Text, nullable=False),
    Column("top_score", Float, nullable=False),  # as on screen: calibrated where there is a rule
    Column("kind", String(16), nullable=False),  # a core.prediction.deciding.Kind
    Column("latency_ms", Float, nullable=False),
    Column("source", String(16), nullable=False),
    Column("properties", JSON, nullable=False, server_default="{}"),
    Column("visitor", Text, nullable=False, server_default="", index=True),
    # Last, because SQLite reads a row only up to the last column it needs, and these are large.
    Column("features", Floats("<f2"), nullable=False),  # (d,)
    Column("scores", Floats("<f4"), nullable=False),  # (k,), before calibration
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
    Column("facts", JSON, nullable=False, server_default="{}"),
)
