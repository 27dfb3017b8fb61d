"""The tables of a workspace's database, all on one `metadata`: whoever opens it makes them all.

A column that comes later needs a `server_default` or may be empty: databases of older programs get
it when they are opened (core/runs/database.py). JSON stands in Text; moments are kept in UTC.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment with its time zone; databases without zones keep it in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

runs_table = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("dataset", String(64), nullable=False, index=True),
    Column("recipe", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("phase", String(16), nullable=False, default=""),
    Column("device", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    Column("queued", UtcTime, nullable=False),
    Column("started", UtcTime),
    Column("finished", UtcTime),
    Column("heartbeat", UtcTime),
    Column("pid", Integer),
    Column("attempt", Integer, nullable=False, default=0),
    Column("epochs_done", Integer, nullable=False, default=0),
    Column("best_epoch", Integer),
    Column("best_val_accuracy", Float),
    Column("best_val_loss", Float),
    Column("val_photos", Integer),
    Column("error_code", String(64)),
    Column("problem", Text),
    Column("remedy", Text),
    Column("stopped", Boolean, nullable=False, default=False),
    # What came later has a default in the database too: older ones get these columns when opened.
    Column("request", String(24), nullable=False, server_default=""),
    Column("notes", Text, nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("submitter", Text, nullable=False, server_default=""),
    Column("plan", Text),
    sqlite_autoincrement=True,  # the number of a deleted run is not given again
)

edits_table = Table(
    "edits",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("batch", Integer, nullable=False),
    Column("dataset", String(64), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("value", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    Column("undone", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)

openings_table = Table(
    "openings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False, index=True),
    Column("opened", UtcTime, nullable=False),
    Column("who", Text, nullable=False, default=""),
    Column("place", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)

versions_table = Table(
    "model_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("run", String(64), nullable=False, index=True),
    Column("dataset", String(64), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),
    Column("who", Text, nullable=False, server_default=""),
    Column("created", UtcTime, nullable=False),
    sqlite_autoincrement=True,  # the number of a deleted version is not given again
)

aliases_table = Table(
    "model_aliases",
    metadata,
    Column("alias", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
)

model_events_table = Table(
    "model_events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("version", Integer),
    Column("former", Integer),
    Column("who", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

predictions_table = Table(
    "predictions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("version", Integer, index=True),
    Column("run", String(64), nullable=False),
    Column("photo", String(64), nullable=False, index=True),
    Column("top", Text, nullable=False),
    Column("top_score", Float, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("source", String(16), nullable=False),
    Column("properties", Text, nullable=False, server_default="{}"),
    Column("visitor", Text, nullable=False, server_default="", index=True),
    # Last: SQLite reads a row only as far as it must, and these are most of it.
    Column("features", LargeBinary, nullable=False),
    Column("scores", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

feedback_table = Table(
    "feedback",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
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
    sqlite_autoincrement=True,
)

alarms_table = Table(
    "alarms",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(64), nullable=False, index=True),
    Column("level", String(16), nullable=False),
    Column("raised", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("version", Integer),
    Column("facts", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

arrangements_table = Table(
    "arrangements",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("changed", UtcTime, nullable=False),
    Column("who", Text, nullable=False, server_default=""),
)
"""What was arranged for this workspace, each under its name as JSON: rules, plans, limits."""
