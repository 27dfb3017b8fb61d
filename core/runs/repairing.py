"""The index of a workspace: hourly copies, and its repair.

A repair reads the readable rows of the damaged database, its newest copy and the folders of runs.
The folders decide: a run without a folder was deleted. Model versions, sweeps, names and notes are
only in the database and its copies.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from core.errors import RecipeRefused, ResultDamaged, RunStopped, RunUnfinished
from core.runs.database import close_databases, write_database
from core.runs.locks import hold_lock
from core.runs.recipe.recipe import recipe_from_json, recipe_to_json
from core.runs.run_files import RECIPE_FILE, list_run_folders, read_events
from core.runs.tables import metadata, runs_table
from core.workspace import Workspace, write_atomically

_log = logging.getLogger("scheduler")


@dataclass(frozen=True)
class Repair:
    """The fault of the index, and its content after the repair."""

    fault: str
    """In words; "" where the index was intact."""
    set_aside: Path | None
    """The damaged database."""
    copy: Path | None
    """The copy that was read."""
    copied: datetime | None
    """Time of that copy, UTC."""
    rows: Mapping[str, int]
    """Table → rows, without empty tables."""
    runs_read: tuple[str, ...]
    """Runs that were read from their folders."""
    unread: tuple[str, ...]
    """Folders without a readable recipe, and sweeps."""


def find_fault(workspace: Workspace) -> str:
    """Return the fault of the index in words; "" where it is intact."""
    folders = any(list_run_folders(workspace))
    file = workspace.database_file
    if not file.exists() or not file.stat().st_size:
        return f"It is {'empty' if file.exists() else 'missing'}." if folders else ""
    if damage := find_damage(file):
        return f"It is damaged: {damage}."
    if not folders:
        return ""
    with suppress(sqlite3.DatabaseError), closing(_read_only(file)) as connection:
        if connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
            return ""
    return "It lists no run."


def repair_index(workspace: Workspace) -> Repair:
    """Return what was read back; an intact index only gets the runs that are missing in it."""
    with hold_lock(workspace.root / "repair.lock"):
        fault = find_fault(workspace)
        aside = copy = None
        if fault:
            aside = _set_aside(workspace.database_file)
            copy = next((one for one in list_copies(workspace) if not find_damage(one)), None)
        with write_database(workspace, anew=True) as connection:
            for source in filter(None, (aside, copy)):
                _take_rows(connection, source)
            if fault:
                _follow_folders(workspace, connection)
            read, unread = _read_missing(workspace, connection)
            rows = {
                table.name: rows
                for table in metadata.tables.values()
                if (rows := connection.scalar(select(func.count()).select_from(table)))
            }
        copied = None if copy is None else datetime.fromtimestamp(copy.stat().st_mtime, UTC)
        return Repair(fault, aside, copy, copied, rows, tuple(read), tuple(unread))


def _set_aside(file: Path) -> Path | None:
    """Return the new path of the database, moved with its log; None where there is no database."""
    close_databases()
    if not file.exists() or not file.stat().st_size:
        return None
    aside = file.with_name(f"{file.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    for end in ("", "-wal", "-shm"):
        one = file.with_name(file.name + end)
        if one.exists():
            one.replace(aside.with_name(aside.name + end))
    return aside


def _take_rows(connection: Connection, source: Path) -> None:
    """Copy the readable rows of a database that the index lacks."""
    with closing(sqlite3.connect(source)) as old:
        for table in metadata.tables.values():
            with suppress(sqlite3.DatabaseError):  # unreadable from here on, or no such table
                cursor = old.execute(f"SELECT * FROM {table.name}")
                names = [column[0] for column in cursor.description]
                known = [name for name in names if name in table.columns]
                into = f"{table.name} ({', '.join(known)})"
                command = f"INSERT OR IGNORE INTO {into} VALUES ({', '.join('?' for _ in known)})"
                for row in cursor:
                    values = dict(zip(names, row, strict=True))
                    connection.exec_driver_sql(command, tuple(values[name] for name in known))


def _follow_folders(workspace: Workspace, connection: Connection) -> None:
    """Delete rows of runs without a folder; end runs that ended after the copy was made."""
    states = connection.execute(select(runs_table.c.id, runs_table.c.state)).all()
    for run_id, state in states:
        folder, mine = workspace.run_folder(run_id), runs_table.c.id == run_id
        if not folder.is_dir():
            connection.execute(delete(runs_table).where(mine))
        elif (facts := _read_state(workspace, folder))["state"] not in (state, "paused"):
            connection.execute(update(runs_table).where(mine).values(pid=None, phase="", **facts))


def _read_missing(workspace: Workspace, connection: Connection) -> tuple[list[str], list[str]]:
    """Return the runs that were read from their folders alone, and the unreadable folders."""
    known = set(connection.scalars(select(runs_table.c.id)))
    unread, rows = [], []
    for folder in list_run_folders(workspace):
        if folder.name in known:
            continue
        try:
            recipe = recipe_from_json((folder / RECIPE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecipeRefused):
            recipe = None
        if recipe is None or recipe.run_id != folder.name:  # the plan of a sweep is in the index
            unread.append(folder.name)
            continue
        first = _read_times(folder)[0]
        row: dict[str, Any] = {"id": folder.name, "name": "", "dataset": recipe.dataset}
        row |= {"recipe": recipe_to_json(recipe), "created": first, "queued": first}
        rows.append(row | _read_state(workspace, folder))
    for row in sorted(rows, key=lambda row: row["created"]):
        connection.execute(insert(runs_table).values(**row))
    return [row["id"] for row in rows], unread


def _read_times(folder: Path) -> list[datetime]:
    times = [event["time"] for event in read_events(folder)[0] if "time" in event]
    times = times or [folder.stat().st_mtime]
    return [datetime.fromtimestamp(time, UTC) for time in times]


def _read_state(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """Return the state of a run by its result and events: done, failed or, else, paused."""
    from core.runs.result import read_result  # loads NumPy

    events, times = read_events(folder)[0], _read_times(folder)
    ends = [event for event in events if event.get("event") in ("queued", "end")]
    end: dict[str, Any] = ends[-1] if ends else {}
    code = end.get("code", "error")
    stopped = bool(end.get("stopped")) or code == RunStopped.code
    ended = {"started": times[0], "finished": times[-1], "stopped": stopped}
    try:
        result = read_result(workspace, folder.name)
    except (RunUnfinished, ResultDamaged):
        if end.get("state") != "failed":
            return {"state": "paused"}  # a person decides whether it resumes
        problem = f"The run failed ({code}); the details were lost with the index."
        remedy = "See its log. Started again, it resumes after its last epoch."
        told = {"error_code": code, "problem": problem, "remedy": remedy}
        return {"state": "failed", **told, **ended}
    return {"state": "done", **ended, **result.describe_best()}


MOST_COPIES = 5
EVERY_S = 3600.0
_SPARE_BYTES = 100 * 2**20
"""Free space that a copy leaves on the disk."""


def make_due_copy(workspace: Workspace) -> None:
    """Make a copy where one is due; a failure is logged."""
    try:
        if is_copy_due(workspace):
            make_copy(workspace)
    except (OSError, sqlite3.Error) as error:
        _log.error("the database could not be copied: %s", error)


def is_copy_due(workspace: Workspace) -> bool:
    """Return whether the database has changed since its newest copy, which is an hour old."""
    file = workspace.database_file
    if not file.exists() or not file.stat().st_size:
        return False
    copies = list_copies(workspace)
    if not copies:
        return True
    made = copies[0].stat().st_mtime
    log = file.with_name(f"{file.name}-wal")
    changed = max(one.stat().st_mtime for one in (file, log) if one.exists())
    return changed > made and abs(time.time() - made) > EVERY_S  # a clock may be set back


def make_copy(workspace: Workspace) -> Path | None:
    """Return the new copy, or None where the disk has no room for it.

    Raises:
        sqlite3.DatabaseError: The database is damaged; older copies stay.
    """
    source = workspace.database_file
    if shutil.disk_usage(workspace.root).free < 2 * source.stat().st_size + _SPARE_BYTES:
        _log.warning("no copy of the database: the disk is nearly full")
        return None
    target = workspace.copies / f"petalscope-{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
    workspace.copies.mkdir(exist_ok=True)
    with write_atomically(target) as temporary:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(temporary)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log
        if fault := find_damage(temporary):
            raise sqlite3.DatabaseError(f"it is damaged: {fault}")
    for old_copy in list_copies(workspace)[MOST_COPIES:]:
        old_copy.unlink(missing_ok=True)
    return target


def list_copies(workspace: Workspace) -> list[Path]:
    """Return the copies of the database, newest first."""
    return sorted(workspace.copies.glob("petalscope-*.db"), reverse=True)


def find_damage(file: Path) -> str:
    """Return the damage of a database in SQLite's words; "" where it is intact."""
    try:
        with closing(_read_only(file)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)
