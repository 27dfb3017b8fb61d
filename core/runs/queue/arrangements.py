"""What was arranged for a workspace, kept as JSON by name: when to retrain, which alarms to raise.

Standard library and SQLAlchemy only: the scheduler reads it.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from core.runs.database import read_database, write_database
from core.runs.tables import arrangements_table
from core.workspace import Workspace

_table = arrangements_table.c


def read_arrangement(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """Returns what was last kept under the name; None where nothing was."""
    with read_database(workspace) as connection:
        text = connection.scalar(select(_table.content).where(_table.name == name))
    if text is None:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def keep_arrangement(
    workspace: Workspace, name: str, content: Mapping[str, Any], who: str = ""
) -> None:
    """Returns nothing; the content stands under the name, in place of what stood there.

    Args:
        workspace: For which it holds.
        name: Up to 64 characters.
        content: JSON values.
        who: Changed it.
    """
    text = json.dumps(dict(content), allow_nan=False)
    values = {"content": text, "changed": datetime.now(UTC), "who": who}
    change = update(arrangements_table).where(_table.name == name).values(**values)
    with write_database(workspace) as connection:
        if connection.execute(change).rowcount:
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(arrangements_table).values(name=name, **values))
        except IntegrityError:  # another was first, where writers do not wait for each other
            connection.execute(change)
