"""The database of a workspace and the two ways to talk to it; each room describes its tables.

`read_database` and `write_database` give a connection inside one transaction. A writing one takes
the write lock of the whole database at its start, so that what it read still holds when it writes;
the others wait. One engine is kept for each address.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.schema import CreateColumn

from core.config import read_settings
from core.errors import WorkspaceMissing
from core.runs.locks import free_lock, wait_for_lock
from core.runs.tables import metadata, runs_table
from core.workspace import Workspace

BUSY_TIMEOUT_S = 30.0
_WRITE_LOCK = 0x7065_7461_6C73  # “petals”: the number of our lock in PostgreSQL


@contextmanager
def read_database(workspace: Workspace) -> Iterator[Connection]:
    """Yield a connection for reading; all its reads see the same moment."""
    with _find_engine(workspace).begin() as connection:
        yield connection


@contextmanager
def write_database(workspace: Workspace) -> Iterator[Connection]:
    """Yield a connection for reading and writing; committed when the block ends well."""
    with _find_engine(workspace).execution_options(writes=True).begin() as connection:
        yield connection


def close_databases() -> None:
    """Close all connections of this process; the next use opens one again."""
    with _opening:
        for _, engine, _ in _engines.values():
            engine.dispose()
        _engines.clear()


_engines: dict[str, tuple[int, Engine, int]] = {}
"""Address → inode, engine, and how many tables it was prepared with."""
_opening = Lock()


def _find_engine(workspace: Workspace) -> Engine:
    address = read_settings().database_url
    if address is not None:
        return _keep_engine(address, 0)
    file = workspace.database_file
    if not workspace.root.is_dir():
        raise WorkspaceMissing(
            f"The workspace {workspace.root} is gone.",
            "Bring the folder or its disk back, or start again to begin with an empty one.",
            status=503,
        )
    file.touch()  # an empty file is an empty SQLite database
    return _keep_engine(f"sqlite:///{file}", file.stat().st_ino)


def _keep_engine(address: str, inode: int) -> Engine:
    # The inode tells when the workspace was emptied or exchanged while we were running.
    with _opening:
        known, tables = _engines.get(address), len(metadata.tables)
        if known is not None and known[0] == inode:
            engine = known[1]
            if known[2] < tables:  # a room with tables of its own was imported since
                with engine.execution_options(writes=True).begin() as connection:
                    _prepare_tables(connection)
        else:
            if known is not None:
                known[1].dispose()
            engine = _open_engine(address)
        _engines[address] = (inode, engine, tables)
        return engine


def _open_engine(address: str) -> Engine:
    if not address.startswith("sqlite"):
        engine = create_engine(address, pool_pre_ping=True)  # the server may have been restarted
        if engine.dialect.name == "postgresql":
            event.listen(engine, "begin", _begin_postgres)
        with engine.execution_options(writes=True).begin() as connection:
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
    """Make all tables that are known, with the columns that older programs did not make."""
    tables = list(metadata.tables.values())  # another thread may import a room meanwhile
    metadata.create_all(connection, tables)
    for table in tables:
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
        if table is runs_table and "stop_requested" in there:
            # What "request" was before; it has no default to insert with.
            connection.exec_driver_sql("UPDATE runs SET request = 'stop' WHERE stop_requested")
            connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN stop_requested")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    connection.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for another
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
