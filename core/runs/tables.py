"""The tables of runs, and the `metadata` for the tables of all rooms.

A database gets the tables of a room as soon as a process imports that room. A new column needs a
`server_default` or may be empty: older databases get it when they are opened. JSON is stored as
Text, times in UTC.
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
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, stored in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()


def numbered_table(name: str, *columns: Column[Any]) -> Table:
    """Return a table with a number for each row; numbers are never used again."""
    number = Column("number", Integer, primary_key=True, autoincrement=True)
    return Table(name, metadata, number, *columns, sqlite_autoincrement=True)


runs_table = numbered_table(
    "runs",
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
    # Newer columns: older databases get them when they are opened.
    Column("request", String(24), nullable=False, server_default=""),
    Column("notes", Text, nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("plan", Text),
    Column("losses", Integer, nullable=False, server_default="0"),
    Column("lost_at", Integer, nullable=False, server_default="0"),
)

edits_table = numbered_table(
    "edits",
    Column("batch", Integer, nullable=False),
    Column("dataset", String(64), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("value", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    Column("undone", Boolean, nullable=False, default=False),
)

openings_table = numbered_table(
    "openings",
    Column("run", String(64), nullable=False, index=True),
    Column("opened", UtcTime, nullable=False),
    Column("who", Text, nullable=False, default=""),
    Column("place", Text, nullable=False, default=""),
)

arrangements_table = Table(
    "arrangements",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("changed", UtcTime, nullable=False),
    Column("who", Text, nullable=False, server_default=""),
)
"""JSON by name: rules, limits, the state of a retraining."""
