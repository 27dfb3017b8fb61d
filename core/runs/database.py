"""The database of a workspace: transactions for reading and for writing.

Each room describes its own tables (core/runs/tables.py). A writing transaction takes the write lock
of the whole database at its start, so that its reads still hold when it writes; others wait.
"""

import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from sqlalchemy import Column, Connection, Engine, Table, create_engine, event, inspect, select
from sqlalchemy.exc import DatabaseError, NoSuchTableError, OperationalError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from core.errors import DatabaseUnusable, DiskFull, PlaceRefused, WorkspaceMissing
from core.formats import count
from core.runs.locks import hold_lock
from core.runs.run_files import list_run_folders
from core.runs.tables import metadata, runs_table
from core.workspace import Workspace, own_temporary, refuse_writing

BUSY_TIMEOUT_S = 30.0
_REPAIR = "Restore it from its copies and from the folders: python -m core repair."
_COPIED_AGAIN_S = 2.0


@contextmanager
def read_database(workspace: Workspace) -> Iterator[Connection]:
    """Yield a connection for reading; all its reads see the same moment.

    Raises:
        DatabaseUnusable: It is damaged, or empty although there are runs on disk.
    """
    with (
        _naming_faults(workspace),
        _find_engine(workspace).connect() as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def write_database(workspace: Workspace, *, anew: bool = False) -> Iterator[Connection]:
    """Yield a connection for reading and writing; committed when the block ends without an error.

    Args:
        anew: The database may be empty although there are runs on disk: a repair fills it.

    Raises:
        DatabaseUnusable: It is damaged, or empty although there are runs on disk.
        DiskFull: The disk is full.
        ReadOnly: The workspace can only be read.
    """
    if workspace.read_only:
        refuse_writing()
    with (
        _naming_faults(workspace),
        _find_engine(workspace, anew=anew).execution_options(writes=True).connect() as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _naming_faults(workspace: Workspace) -> Iterator[None]:
    """Raise our own errors for the faults of a file that SQLite reports."""
    try:
        yield
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the primary code
        file = workspace.database_file
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            problem = f"The index of the workspace, {file}, is damaged ({error.orig})."
            raise DatabaseUnusable(problem, _REPAIR) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise PlaceRefused(
                f"The index of the workspace, {file}, cannot be written ({error.orig}).",
                "Check the owner of the file and of its folder, and whether the disk is read-only.",
            ) from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise DiskFull(
                f"{file} could not be read or written: the disk is full or faulty.",
                "Free some space, then try again.",
            ) from error
        raise


_engines: dict[Path, tuple[int, Engine, int]] = {}
"""File → inode, engine, and the number of tables it was prepared with."""
_opening, _copying = Lock(), Lock()
_reading: dict[Path, tuple[float, float, Path]] = {}
"""Read-only database → time of its copy, time of its last change, the copy."""


def close_databases() -> None:
    """Close all connections of this process; the next use opens one again."""
    with _opening:
        for _, engine, _ in _engines.values():
            engine.dispose()
        _engines.clear()


def _find_engine(workspace: Workspace, *, anew: bool = False) -> Engine:
    file = workspace.database_file
    if not workspace.root.is_dir():
        raise WorkspaceMissing(
            f"The workspace {workspace.root} does not exist any more.",
            "Bring the folder or its disk back, or restart to begin with an empty workspace.",
            status=503,
        )
    if workspace.read_only:
        inode = file.stat().st_ino if file.exists() else 0
        if (closed := _open_to_read(str(file), inode, len(metadata.tables))) is not None:
            return closed
        file = _copy_to_read(file)
    file.touch()  # an empty file is an empty SQLite database
    inode = file.stat().st_ino  # changes when the workspace is emptied or replaced
    with _opening:
        known, tables = _engines.get(file), len(metadata.tables)
        if known is not None and known[0] == inode:
            engine = known[1]
            if known[2] < tables:  # a room with tables of its own was imported since
                with engine.execution_options(writes=True).begin() as connection:
                    _prepare_tables(connection)
        else:
            if known is not None:
                known[1].dispose()
            engine = _open_engine(file, None if anew else workspace)
        _engines[file] = (inode, engine, tables)
        return engine


@lru_cache(maxsize=8)
def _open_to_read(file: str, inode: int, tables: int) -> Engine | None:  # noqa: ARG001 (the key)
    """Return a read-only engine; None where tables are missing, and a copy must be completed."""
    address = f"sqlite:///file:{quote(file)}?mode=ro&uri=true"
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_S}, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    with suppress(OperationalError, NoSuchTableError), engine.begin() as connection:
        if not any(_list_missing(connection, table) for table in list(metadata.tables.values())):
            return engine
    return None


def _copy_to_read(file: Path) -> Path:
    """Return an up-to-date copy in a temporary folder, of a database that needs a place to write.

    SQLite writes to read one that nobody has closed, and missing tables have to be added.
    """
    with _copying:
        copied, changed, copy = _reading.get(file, (0.0, 0.0, file))
        sources = [file.with_name(file.name + end) for end in ("", "-wal")]
        now = max((one.stat().st_mtime for one in sources if one.exists()), default=-1.0)
        if copy == file or (now != changed and time.monotonic() - copied > _COPIED_AGAIN_S):
            folder = Path(tempfile.mkdtemp(dir=own_temporary()))
            for source in sources:
                if source.exists():
                    shutil.copyfile(source, folder / source.name)
            if copy != file:
                shutil.rmtree(copy.parent, ignore_errors=True)
            copy = folder / file.name
            _reading[file] = (time.monotonic(), now, copy)
        return copy


def _open_engine(file: Path, checked: Workspace | None) -> Engine:
    """Return the engine of a file; `checked`: refuse an empty index while runs are on disk."""
    engine = create_engine(
        f"sqlite:///{file}",
        connect_args={"timeout": BUSY_TIMEOUT_S},
        json_serializer=partial(json.dumps, allow_nan=False),
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    with ExitStack() as failed:
        failed.callback(engine.dispose)
        # Two processes cannot set a new file to WAL at once: the second would fail.
        alone = hold_lock(file.with_name(f"{file.name}.lock"))
        with alone, engine.execution_options(writes=True).begin() as connection:
            _prepare_tables(connection)
            empty = connection.execute(select(runs_table.c.number).limit(1)).first() is None
            folders = len(list(list_run_folders(checked))) if empty and checked else 0
            if checked and folders:
                problem = f"The index of the workspace is empty, but {checked.runs} has "
                raise DatabaseUnusable(f"{problem}{count(folders, 'run')}.", _REPAIR)
        failed.pop_all()
    return engine


def _prepare_tables(connection: Connection) -> None:
    """Make all known tables, and add the columns that older programs did not make."""
    tables = list(metadata.tables.values())  # another thread may import a room at the same time
    metadata.create_all(connection, tables)
    for table in tables:
        for column in _list_missing(connection, table):
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
    if "stop_requested" in _list_columns(connection, runs_table):  # the former name of “request”
        connection.exec_driver_sql("UPDATE runs SET request = 'stop' WHERE stop_requested")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN stop_requested")


def _list_columns(connection: Connection, table: Table) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table.name)}


def _list_missing(connection: Connection, table: Table) -> list[Column[Any]]:
    there = _list_columns(connection, table)
    return [column for column in table.columns if column.name not in there]


def _prepare_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in `_begin`
    connection.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not block each other
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
