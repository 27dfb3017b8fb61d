"""What happened to the models, one row an event, never changed: the history, also in words."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, Unpack

from sqlalchemy import Column, Connection, Integer, Row, String, Text, insert, select

from core.registry.evidence import describe_evidence, evidence_from_facts
from core.runs.database import read_database, write_database
from core.runs.tables import UtcTime, numbered_table
from core.workspace import Workspace

model_events_table = numbered_table(
    "model_events",
    Column("time", UtcTime, nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("version", Integer),
    Column("former", Integer),
    Column("who", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),
)

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

_TABLE = model_events_table


@dataclass(frozen=True, kw_only=True)
class ModelEvent:
    """One thing that happened; `version` and `former` are numbers, None where none is meant."""

    number: int
    time: datetime
    kind: EventKind
    version: int | None
    former: int | None
    """The champion before, or the one that answers instead of a refused one."""
    who: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Told(TypedDict, total=False):
    """What is known of an event; as in `ModelEvent`. `facts` are JSON values."""

    version: int | None
    former: int | None
    who: str
    reason: str
    facts: Mapping[str, Any] | None


def record_event(workspace: Workspace, kind: EventKind, **told: Unpack[Told]) -> ModelEvent:
    """Write an event into the history."""
    with write_database(workspace) as connection:
        return insert_event(connection, kind, **told)


def list_events(
    workspace: Workspace, limit: int = 200, kinds: Collection[EventKind] | None = None
) -> list[ModelEvent]:
    """Return the newest events, newest first; of these kinds, or of any."""
    query = select(_TABLE).order_by(_TABLE.c.number.desc()).limit(limit)
    if kinds is not None:
        query = query.where(_TABLE.c.kind.in_(kinds))
    with read_database(workspace) as connection:
        return [_read_row(row) for row in connection.execute(query)]


def insert_event(connection: Connection, kind: EventKind, **told: Unpack[Told]) -> ModelEvent:
    """Write an event inside a transaction; it is in the history when that ends well."""
    values: dict[str, Any] = {"version": None, "former": None, "who": "", "reason": "", **told}
    values |= {"time": datetime.now(UTC), "kind": kind}
    facts = dict(values.pop("facts", None) or {})
    text = json.dumps(facts, allow_nan=False)
    made = connection.execute(insert(_TABLE).values(**values, facts=text)).inserted_primary_key
    assert made is not None
    return ModelEvent(number=made[0], facts=facts, **values)


def select_events(connection: Connection, kinds: tuple[EventKind, ...]) -> list[ModelEvent]:
    """Return all events of these kinds, oldest first, inside a transaction."""
    query = select(_TABLE).where(_TABLE.c.kind.in_(kinds)).order_by(_TABLE.c.number)
    return [_read_row(row) for row in connection.execute(query)]


def list_champions(events: list[ModelEvent]) -> list[int]:
    """Return the champions that stand behind one another, the first at the beginning.

    A rollback takes those away that came after the one it went to. The events are of the kinds
    promoted, rolled_back and deleted, oldest first.
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
    """Return the former champions without `but`, newest first: where a rollback would go."""
    with read_database(workspace) as connection:
        events = select_events(connection, ("promoted", "rolled_back", "deleted"))
    line = [number for number in reversed(list_champions(events)) if number != but]
    return list(dict.fromkeys(line))


def _read_row(row: Row[Any]) -> ModelEvent:
    return ModelEvent(**{**row._mapping, "facts": json.loads(row.facts)})


def describe_event(event: ModelEvent) -> str:
    """Return an event as a sentence, who did it and why; names and reasons are data, unescaped."""
    parts = [title_event(event) + "."]
    evidence = evidence_from_facts(event.facts)
    if evidence is not None:
        parts.append(describe_evidence(evidence))
    if event.facts.get("override"):
        parts.append("Without proof of a gain.")
    if event.reason:
        parts.append(f"“{event.reason}”")
    if event.who:
        parts.append(f"({event.who})")
    return " ".join(parts)


def title_event(event: ModelEvent) -> str:
    """Return what happened, in a few words; names in it are data, unescaped."""
    version = f"v{event.version}" if event.version is not None else "A version"
    former = f"v{event.former}" if event.former is not None else "none"
    facts: Mapping[str, Any] = event.facts
    if event.kind == "challenger" and event.version is None:
        kept = f"v{facts['kept']} goes on: " if "kept" in facts else ""
        return f"{kept}{former} challenges nobody any more"
    if event.kind == "retraining" and facts.get("failed"):
        return "A retraining came to nothing"
    name = f": {facts['name']}" if facts.get("name") else ""
    after = f", instead of {former}" if event.former is not None else ", the first champion"
    instead = f": {former} answers instead" if event.former is not None else ""
    met = evidence_from_facts(facts)
    words = {
        "promoted": f"{version} answers{after}",
        "rolled_back": f"Rolled back from {former}: {version} answers again",
        "refused": f"{version} was refused{instead}",
        "compared": f"{version} was compared with {f'v{met.champion}' if met else former}",
        "registered": f"{version} was registered{name}",
        "challenger": f"{version} became the challenger",
        "retraining": "A challenger is trained",
        "reviewed": "Photos were reviewed",
        "deleted": f"{version} was deleted{name}",
    }
    return words[event.kind]
