"""What happened to the models, one row an event, never changed: the history and the timeline."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, insert, select

from core.runs.database import read_database, write_database
from core.runs.tables import model_events_table
from core.workspace import Workspace

EventKind = Literal[
    "registered",
    "challenger",
    "compared",
    "promoted",
    "rolled_back",
    "retraining",
    "reviewed",
    "refused",
    "deleted",
]
KINDS: tuple[EventKind, ...] = get_args(EventKind)

_TABLE = model_events_table


@dataclass(frozen=True, kw_only=True)
class ModelEvent:
    """One thing that happened; `version` and `former` are numbers, None where none is meant."""

    number: int
    time: datetime
    """UTC."""
    kind: EventKind
    version: int | None
    former: int | None
    """The champion before, or the one that answers instead of a refused one."""
    who: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def record_event(
    workspace: Workspace,
    kind: EventKind,
    *,
    version: int | None = None,
    former: int | None = None,
    who: str = "",
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> ModelEvent:
    """Returns the event, which now stands in the history; `facts` are JSON values."""
    with write_database(workspace) as connection:
        return insert_event(
            connection, kind, version=version, former=former, who=who, reason=reason, facts=facts
        )


def list_events(
    workspace: Workspace, limit: int = 200, kinds: Collection[EventKind] | None = None
) -> list[ModelEvent]:
    """Returns the newest events, newest first; of these kinds, or of any."""
    query = select(_TABLE).order_by(_TABLE.c.number.desc()).limit(limit)
    if kinds is not None:
        query = query.where(_TABLE.c.kind.in_(kinds))
    with read_database(workspace) as connection:
        return [_read_row(row) for row in connection.execute(query)]


def insert_event(
    connection: Connection,
    kind: EventKind,
    *,
    version: int | None = None,
    former: int | None = None,
    who: str = "",
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> ModelEvent:
    """Returns the event, written inside a transaction: it stands when that ends well."""
    values: dict[str, Any] = {
        "time": datetime.now(UTC),
        "kind": kind,
        "version": version,
        "former": former,
        "who": who,
        "reason": reason,
    }
    text = json.dumps(dict(facts or {}), allow_nan=False)
    made = connection.execute(insert(_TABLE).values(**values, facts=text)).inserted_primary_key
    assert made is not None
    return ModelEvent(number=made[0], facts=dict(facts or {}), **values)


def select_events(connection: Connection, kinds: tuple[EventKind, ...]) -> list[ModelEvent]:
    """Returns all events of these kinds, oldest first, inside a transaction."""
    query = select(_TABLE).where(_TABLE.c.kind.in_(kinds)).order_by(_TABLE.c.number)
    return [_read_row(row) for row in connection.execute(query)]


def list_champions(events: list[ModelEvent]) -> list[int]:
    """Returns the champions that stand behind one another, the first at the beginning.

    A promotion adds one; a rollback takes those away that came after the one it went to; a deleted
    version is no more among them.

    Args:
        events: Of the kinds promoted, rolled_back and deleted, oldest first.
    """
    line: list[int] = []
    for event in events:
        if event.version is None:
            continue
        if event.kind == "deleted":
            line = [number for number in line if number != event.version]
        elif event.kind == "promoted":
            line.append(event.version)
        elif event.kind == "rolled_back" and event.version in line:
            while line[-1] != event.version:
                line.pop()
    return line


def list_former(workspace: Workspace, *, but: int) -> list[int]:
    """Returns the former champions without `but`, newest first: where a rollback would go."""
    with read_database(workspace) as connection:
        events = select_events(connection, ("promoted", "rolled_back", "deleted"))
    line = [number for number in reversed(list_champions(events)) if number != but]
    return list(dict.fromkeys(line))


def _read_row(row: Row[Any]) -> ModelEvent:
    return ModelEvent(**{**row._mapping, "facts": json.loads(row.facts)})
