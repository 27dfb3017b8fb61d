"""The database of a workspace and the two ways to talk to it; each room describes its tables.

`read_database` and `write_database` give a connection inside one transaction. A writing one takes
the write lock of the whole database at its start, so that what it read still holds when it writes;
the others wait. One engine is cached for each file.
"""

import atexit
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.exc import DatabaseError, NoSuchTableError, OperationalError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from core.errors import DatabaseUnusable, DiskFull, PlaceRefused, WorkspaceMissing
from core.formats import count
from core.runs.locks import hold_lock
from core.runs.run_files import list_run_folders
from core.runs.tables import metadata, runs_table
from core.workspace import Workspace, refuse_writing

BUSY_TIMEOUT_S = 30.0
_REPAIR = (
    "Read it back from its copies and from the folders: python -m core repair. Nothing is deleted."
)


@contextmanager
def read_database(workspace: Workspace) -> Iterator[Connection]:
    """Yield a connection for reading; all its reads see the same moment.

    Raises:
        DatabaseUnusable: It is damaged, or empty while runs lie on disk.
    """
    with (
        _telling_faults(workspace),
        _find_engine(workspace).connect() as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def write_database(workspace: Workspace, *, anew: bool = False) -> Iterator[Connection]:
    """Yield a connection for reading and writing; committed when the block ends well.

    Args:
        anew: It may be empty although runs lie on disk: it is just being filled from them.

    Raises:
        DatabaseUnusable: It is damaged, or empty while runs lie on disk.
        DiskFull: There is no room to write.
        ReadOnly: The workspace can only be read.
    """
    if workspace.read_only:
        refuse_writing()
    with (
        _telling_faults(workspace),
        _find_engine(workspace, anew=anew).execution_options(writes=True).connect() as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _telling_faults(workspace: Workspace) -> Iterator[None]:
    """Tell in our words what SQLite says of a file that it cannot use."""
    try:
        yield
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without what narrows it down
        file = workspace.database_file
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise DatabaseUnusable(
                f"The index of the workspace, {file}, is damaged ({error.orig}).", _REPAIR
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise PlaceRefused(
                f"The index of the workspace, {file}, cannot be written ({error.orig}).",
                "It is another user's, or on a read-only disk: look who owns it and its folder.",
            ) from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise DiskFull(
                f"{file} could not be read or written: the disk is full or faulty.",
                "Make room, then try again.",
            ) from error
        raise


def close_databases() -> None:
    """Close all connections of this process; the next use opens one again."""
    with _opening:
        for _, engine, _ in _engines.values():
            engine.dispose()
        _engines.clear()


_engines: dict[Path, tuple[int, Engine, int]] = {}
"""File → inode, engine, and how many tables it was prepared with."""
_opening, _copying = Lock(), Lock()


_COPIED_AGAIN_S = 2.0
_reading: dict[Path, tuple[float, float, Path]] = {}
"""Database that cannot be written → when it was copied, when it was changed, the copy."""


def _copy_to_read(file: Path) -> Path:
    """Return a copy in a folder of ours, as new as the database: SQLite cannot read all others.

    One that nobody has closed is read with its log, which needs a place to write.
    """
    with _copying:
        copied, changed, copy = _reading.get(file, (0.0, 0.0, file))
        sources = [file.with_name(file.name + end) for end in ("", "-wal")]
        now = max((one.stat().st_mtime for one in sources if one.exists()), default=-1.0)
        if copy == file or (now != changed and time.monotonic() - copied > _COPIED_AGAIN_S):
            folder = Path(tempfile.mkdtemp(prefix="petalscope-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            for source in sources:
                if source.exists():
                    shutil.copyfile(source, folder / source.name)
            if copy != file:
                shutil.rmtree(copy.parent, ignore_errors=True)
            copy = folder / file.name
            _reading[file] = (time.monotonic(), now, copy)
        return copy


_Check = Callable[[Connection], None]


def _find_engine(workspace: Workspace, *, anew: bool = False) -> Engine:
    file = workspace.database_file
    if not workspace.root.is_dir():
        raise WorkspaceMissing(
            f"The workspace {workspace.root} is gone.",
            "Bring the folder or its disk back, or start again to begin with an empty one.",
            status=503,
        )
    if workspace.read_only:
        inode = file.stat().st_ino if file.exists() else 0
        if (shut := _open_to_read(str(file), inode, len(metadata.tables))) is not None:
            return shut
        file = _copy_to_read(file)
    file.touch()  # an empty file is an empty SQLite database
    return _keep_engine(file, None if anew else partial(_check_runs, workspace))


@lru_cache(maxsize=8)
def _open_to_read(file: str, inode: int, tables: int) -> Engine | None:  # noqa: ARG001 (the key)
    """Return an engine that refuses to write; None where a copy has to be made, to complete it."""
    address = f"sqlite:///file:{quote(file)}?mode=ro&uri=true"
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_S}, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    with suppress(OperationalError, NoSuchTableError), engine.begin() as connection:
        for table in list(metadata.tables.values()):
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            if not there >= {*table.columns.keys()}:
                return None
        return engine
    return None


def _check_runs(workspace: Workspace, connection: Connection) -> None:
    """Check that an index without any run is no lost one.

    Raises:
        DatabaseUnusable: Runs lie on disk.
    """
    if connection.execute(select(runs_table.c.number).limit(1)).first() is None:
        folders = len(list(list_run_folders(workspace)))
        if folders:
            raise DatabaseUnusable(
                f"The index of the workspace is empty, but {count(folders, 'run')} "
                f"{'lies' if folders == 1 else 'lie'} in {workspace.runs}.",
                _REPAIR,
            )


def _keep_engine(file: Path, check: _Check | None) -> Engine:
    # The inode tells when the workspace was emptied or exchanged while we were running.
    inode = file.stat().st_ino
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
            engine = _open_engine(file, check)
        _engines[file] = (inode, engine, tables)
        return engine


def _open_engine(file: Path, check: _Check | None) -> Engine:
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    with ExitStack() as failed:
        failed.callback(engine.dispose)
        # Turning a new file to WAL fails at once, without waiting, when two do it together.
        alone = hold_lock(file.with_name(f"{file.name}.lock"))
        with alone, engine.execution_options(writes=True).begin() as connection:
            _prepare_tables(connection)
            if check is not None:
                check(connection)
        failed.pop_all()
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


def _prepare_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    connection.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for another
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
