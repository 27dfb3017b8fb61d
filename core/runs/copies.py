"""Copies of the database, made by the scheduler: the five newest, one an hour while it changes.

Only a copy that SQLite finds whole replaces an older one. A database that is no file of the
workspace (PostgreSQL) is copied by who keeps it.
"""

import logging
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from core.config import read_settings
from core.workspace import Workspace, write_atomically

MOST_COPIES = 5
EVERY_S = 3600.0
_LOOK_S = 60.0
_SPARE_BYTES = 100 * 2**20
"""So much stays free on the disk beside a copy."""

_log = logging.getLogger("scheduler")


class CopyKeeper:
    """The scheduler's look at whether a copy is due."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._looked = -float("inf")

    def step(self) -> None:
        """Make a copy where one is due; what goes wrong with it is no reason to end."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        try:
            if is_copy_due(self._workspace):
                make_copy(self._workspace)
        except (OSError, sqlite3.Error) as error:
            _log.error("the database could not be copied: %s", error)


def is_copy_due(workspace: Workspace) -> bool:
    """Return whether the database has changed since the newest copy, and that is an hour old."""
    file = workspace.database_file
    if read_settings().database_url is not None or not file.exists() or not file.stat().st_size:
        return False
    copies = list_copies(workspace)
    if not copies:
        return True
    made = copies[0].stat().st_mtime
    log = file.with_name(f"{file.name}-wal")
    changed = max(one.stat().st_mtime for one in (file, log) if one.exists())
    return changed > made and abs(time.time() - made) > EVERY_S  # a clock may be set back


def make_copy(workspace: Workspace) -> Path | None:
    """Return the new copy, or None where there is no room for it.

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
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        if fault := find_damage(temporary):
            raise sqlite3.DatabaseError(f"it is damaged: {fault}")
    for old_copy in list_copies(workspace)[MOST_COPIES:]:
        old_copy.unlink(missing_ok=True)
    return target


def list_copies(workspace: Workspace) -> list[Path]:
    """Return the copies of the database, newest first."""
    return sorted(workspace.copies.glob("petalscope-*.db"), reverse=True)


def find_damage(file: Path) -> str:
    """Return what SQLite finds wrong with a database, in its words; "" when it is whole."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)
