"""The history of the models: one row an event, never changed; also in words."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import JSON, Column, Connection, Integer, String, Text, insert, select

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
    Column("facts", JSON, nullable=False, server_default="{}"),
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


@dataclass(frozen=True)
class ModelEvent:
    """An event; `version` and `former` are numbers of versions."""

    kind: EventKind
    version: int | None = None
    former: int | None = None
    """The champion before, or the version that answers instead of a refused one."""
    _: KW_ONLY
    who: str = ""
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON values."""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    number: int = 0
    """Its place in the history; 0 until it is written."""


def record_event(workspace: Workspace, event: ModelEvent) -> None:
    """Write an event into the history."""
    with write_database(workspace) as connection:
        insert_event(connection, event)


def insert_event(connection: Connection, event: ModelEvent) -> ModelEvent:
    """Write an event into the history, as part of a transaction; return it with its number."""
    values = {name: value for name, value in vars(event).items() if name != "number"}
    made = insert(_TABLE).values(**values).returning(_TABLE.c.number)
    return replace(event, number=connection.execute(made).scalar_one())


def list_events(
    workspace: Workspace, kinds: tuple[EventKind, ...] = get_args(EventKind)
) -> list[ModelEvent]:
    """Return the newest events of these kinds, newest first."""
    with read_database(workspace) as connection:
        return select_events(connection, kinds)[-200:][::-1]


def select_events(connection: Connection, kinds: tuple[EventKind, ...]) -> list[ModelEvent]:
    """Return all events of these kinds, oldest first, as part of a transaction."""
    query = select(_TABLE).where(_TABLE.c.kind.in_(kinds)).order_by(_TABLE.c.number)
    return [ModelEvent(**row._asdict()) for row in connection.execute(query)]


def list_champions(events: list[ModelEvent]) -> list[int]:
    """Return the line of champions, the first at the beginning.

    A rollback removes those after the one it returned to. The events are of the kinds promoted,
    rolled_back and deleted, oldest first.
    """
    line: list[int] = []
    for event in events:
        if event.version is None:
            continue
        if event.kind == "deleted":
            line = [number for number in line if number != event.version]
        elif event.kind == "promoted":
            line.append(event.version)
        elif event.version in line:
            while line[-1] != event.version:
                line.pop()
    return line


def list_former(workspace: Workspace, *, but: int) -> list[int]:
    """Return the former champions without `but`, newest first: a rollback goes to the first."""
    with read_database(workspace) as connection:
        events = select_events(connection, ("promoted", "rolled_back", "deleted"))
    line = [number for number in reversed(list_champions(events)) if number != but]
    return list(dict.fromkeys(line))


def describe_event(event: ModelEvent) -> str:
    """Return an event as a sentence, with its author and reason; these are data, unescaped."""
    reason = f" “{event.reason}”" if event.reason else ""
    who = f" ({event.who})" if event.who else ""
    proof = describe_proof(event)
    return f"{title_event(event)}.{f' {proof}' if proof else ''}{reason}{who}"


def describe_proof(event: ModelEvent) -> str:
    """Return the evidence behind a promotion or a comparison; "" without any."""
    evidence = evidence_from_facts(event.facts)
    proof = [] if evidence is None else [describe_evidence(evidence)]
    if event.facts.get("override"):
        proof.append("Without proof of a gain.")
    return " ".join(proof)


def title_event(event: ModelEvent) -> str:
    """Return the event in a few words; names in it are data, unescaped."""
    facts: Mapping[str, Any] = event.facts
    version = f"v{event.version}" if event.version is not None else "A version"
    former = f"v{event.former}" if event.former is not None else "none"
    name = f": {facts['name']}" if facts.get("name") else ""
    has_former = event.former is not None
    met = evidence_from_facts(facts)
    if event.kind == "challenger" and event.version is None:
        stays = f"v{facts['kept']} stays champion: " if "kept" in facts else ""
        return f"{stays}{former} is no longer the challenger"
    if event.kind == "retraining" and facts.get("failed"):
        return "A retraining failed"
    words = {
        "promoted": f"{version} became the champion{f' instead of {former}' if has_former else ''}",
        "rolled_back": f"Rolled back from {former}: {version} answers again",
        "refused": f"{version} was refused{f': {former} answers' if has_former else ''}",
        "compared": f"{version} was compared with {f'v{met.champion}' if met else former}",
        "registered": f"{version} was registered{name}",
        "challenger": f"{version} became the challenger",
        "retraining": "A challenger is being trained",
        "reviewed": "Photos were reviewed",
        "deleted": f"{version} was deleted{name}",
    }
    return words[event.kind]
