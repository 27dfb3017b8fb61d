"""The database of a workspace: its tables and the two ways to talk to it.

`read_database` and `write_database` give a connection inside one transaction. In SQLite a writing
transaction takes the write lock at its start, so that what it read still holds when it writes; the
others wait. One engine is kept for each address.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator

from core.config import read_settings
from core.runs.locks import free_lock, wait_for_lock
from core.workspace import Workspace

BUSY_TIMEOUT_S = 30.0


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


_metadata = MetaData()

runs_table = Table(
    "runs",
    _metadata,
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
    _metadata,
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
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False, index=True),
    Column("opened", UtcTime, nullable=False),
    Column("who", Text, nullable=False, default=""),
    Column("place", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)


@contextmanager
def read_database(workspace: Workspace) -> Iterator[Connection]:
    """Yields a connection for reading; all its reads see the same moment."""
    with _find_engine(workspace).begin() as connection:
        yield connection


@contextmanager
def write_database(workspace: Workspace) -> Iterator[Connection]:
    """Yields a connection for reading and writing; committed when the block ends well."""
    with _find_engine(workspace).execution_options(writes=True).begin() as connection:
        yield connection


def close_databases() -> None:
    """Returns nothing; this process has no connection open (the next use opens one again)."""
    with _opening:
        for _, engine in _engines.values():
            engine.dispose()
        _engines.clear()


_engines: dict[str, tuple[int, Engine]] = {}
_opening = Lock()


def _find_engine(workspace: Workspace) -> Engine:
    address = read_settings().database_url
    if address is not None:
        return _keep_engine(address, 0)
    file = workspace.database_file
    file.touch()  # an empty file is an empty SQLite database
    return _keep_engine(f"sqlite:///{file}", file.stat().st_ino)


def _keep_engine(address: str, inode: int) -> Engine:
    # The inode tells when the workspace was emptied or exchanged while we were running.
    with _opening:
        known = _engines.get(address)
        if known is not None and known[0] == inode:
            return known[1]
        if known is not None:
            known[1].dispose()
        engine = _open_engine(address)
        _engines[address] = (inode, engine)
        return engine


def _open_engine(address: str) -> Engine:
    if not address.startswith("sqlite"):
        engine = create_engine(address)
        with engine.begin() as connection:
            _prepare_tables(connection)
        return engine
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    # Turning a new file to WAL fails at once, without waiting, when two processes do it together.
    lock = wait_for_lock(Path(f"{engine.url.database}.lock"))
    try:
        with engine.execution_options(writes=True).begin() as connection:
            _prepare_tables(connection)
    finally:
        free_lock(lock)
    return engine


def _prepare_tables(connection: Connection) -> None:
    """Returns nothing; all tables are there, with the columns that older programs did not make."""
    _metadata.create_all(connection)
    there = {column["name"] for column in inspect(connection).get_columns(runs_table.name)}
    for column in runs_table.columns:
        if column.name not in there:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {runs_table.name} ADD COLUMN {definition}")
    if "stop_requested" in there:  # what "request" was before; it has no default to insert with
        connection.exec_driver_sql("UPDATE runs SET request = 'stop' WHERE stop_requested")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN stop_requested")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    connection.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for another
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
