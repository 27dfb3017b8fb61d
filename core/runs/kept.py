"""What the index says of runs and models also lies in files, so that `repair` can read it back.

runs/<id>/run.json is a run's row; a table whose `info` names a file (`kept_in`) is written there
whole. Both in the transaction that changes the rows, before it ends. Heartbeats and the epochs of a
run that goes change no file.
"""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, UpdateBase, select

from core.runs.tables import UtcTime, metadata, runs_table
from core.workspace import Workspace, write_json

RUN_FILE = "run.json"
RECIPE_FILE = "recipe.json"
_RUNS, _TABLES = "kept.runs", "kept.tables"

_log = logging.getLogger(__name__)


def mark_run(connection: Connection, run_id: str) -> None:
    """Have the row of the run written into its folder at the end of the transaction."""
    connection.info.setdefault(_RUNS, set()).add(run_id)


def mark_table(connection: Connection, statement: object, *_: object) -> None:
    """Have a table that was changed written at the end of the transaction: after each statement."""
    table = statement.table if isinstance(statement, UpdateBase) else None
    if isinstance(table, Table) and "kept_in" in table.info:
        connection.info.setdefault(_TABLES, set()).add(table)


def forget_marks(connection: Connection) -> None:
    """Forget what a transaction that came to nothing had marked."""
    connection.info.pop(_RUNS, None)
    connection.info.pop(_TABLES, None)


def write_marked(workspace: Workspace, connection: Connection) -> None:
    """Write the files of what was marked; where that fails, the index is right all the same."""
    tables = connection.info.pop(_TABLES, set())
    runs = connection.info.pop(_RUNS, set())
    try:
        for table in tables:
            rows = [_to_json(row) for row in connection.execute(select(table))]
            write_json(workspace.root / table.info["kept_in"], rows)
        query = select(runs_table).where(runs_table.c.id.in_(runs))
        for row in connection.execute(query) if runs else ():
            if (folder := workspace.run_folder(row.id)).is_dir():
                write_json(folder / RUN_FILE, _to_json(row))
    except OSError as error:
        _log.warning("what the index says could not be written into a file: %s", error)


def mark_missing(workspace: Workspace, connection: Connection) -> None:
    """Mark what an older program did not write: for use inside a transaction."""
    for (run_id,) in connection.execute(select(runs_table.c.id)):
        if not (workspace.run_folder(run_id) / RUN_FILE).exists():
            mark_run(connection, run_id)
    for table in metadata.tables.values():
        if "kept_in" in table.info and not (workspace.root / table.info["kept_in"]).exists():
            connection.info.setdefault(_TABLES, set()).add(table)


def list_run_folders(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders of runs, whatever the index says of them."""
    for file in sorted(workspace.runs.glob(f"[!.]*/{RECIPE_FILE}")):
        yield file.parent


def read_kept_run(folder: Path) -> dict[str, Any] | None:
    """Return the row of a run as its folder has it; None where it has none."""
    row = _read(folder / RUN_FILE)
    if not isinstance(row, dict) or row.get("id") != folder.name:
        return None
    return _from_json(runs_table, row)


def read_kept_table(workspace: Workspace, table: Table) -> list[dict[str, Any]] | None:
    """Return the rows of a table as its file has them; None where there is no such file."""
    rows = _read(workspace.root / table.info["kept_in"])
    return [_from_json(table, row) for row in rows] if isinstance(rows, list) else None


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _to_json(row: Row[Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row._mapping.items()
    }


def _from_json(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the columns that the table has by now."""
    values = {column.name: row[column.name] for column in table.columns if column.name in row}
    moments = [column.name for column in table.columns if isinstance(column.type, UtcTime)]
    return values | {
        name: datetime.fromisoformat(values[name]) for name in moments if values.get(name)
    }
