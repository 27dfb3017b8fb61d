"""The rows of alarms: read, ended by a person, and what is known of each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from core.monitoring.rules import MEASURES, NAMES, Level, Name
from core.runs.database import read_database, write_database
from core.runs.tables import alarms_table
from core.workspace import Workspace

_ROW = alarms_table.c


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A level that a rule has reached."""

    number: int
    rule: str
    level: Level
    raised: datetime
    ended: datetime | None
    version: int | None
    facts: dict[str, Any]
    """text: what was measured, in words; value, sure, n; end_text and ended_by: how it ended;
    replaced: by an alarm of another level; told: the last event (begin, end) that the webhook was
    told; tries, tried and trouble: how often that failed since, when last, and why."""

    @property
    def title(self) -> str:
        """The rule in words; its name where a newer program had another."""
        known: dict[str, Name] = {name: name for name in NAMES}
        return MEASURES[known[self.rule]].title if self.rule in known else self.rule

    @property
    def text(self) -> str:
        """What was measured while it stood, in words."""
        return str(self.facts.get("text", ""))


def list_alarms(workspace: Workspace, *, standing: bool = False, limit: int = 200) -> list[Alarm]:
    """Returns alarms: those that stand first, of these the critical ones; else newest first.

    Args:
        workspace: Where they were raised.
        standing: Only those that have not ended.
        limit: At most so many.
    """
    query = select(alarms_table).order_by(_ROW.number.desc()).limit(limit)
    with read_database(workspace) as connection:
        rows = connection.execute(query.where(_ROW.ended.is_(None)) if standing else query).all()
    alarms = [read_row(row) for row in rows]
    return sorted(alarms, key=_order)


def find_worst(alarms: Sequence[Alarm]) -> Level | None:
    """Returns the highest level of the alarms, None of none."""
    levels = {alarm.level for alarm in alarms}
    return "critical" if "critical" in levels else "warning" if levels else None


def end_alarm(workspace: Workspace, number: int, who: str = "") -> bool:
    """Returns whether the alarm was standing; it has ended now, by a person.

    It begins anew at the next check when its cause is still there.
    """
    with write_database(workspace) as connection:
        query = select(alarms_table).where(_ROW.number == number, _ROW.ended.is_(None))
        row = connection.execute(query).first()
        if row is not None:
            write_end(connection, read_row(row), datetime.now(UTC), ended_by=who or "a person")
    return row is not None


def keep_facts(workspace: Workspace, number: int, facts: dict[str, Any]) -> None:
    """Returns nothing; the alarm has these facts beside those that it had."""
    with write_database(workspace) as connection:
        row = connection.execute(select(alarms_table).where(_ROW.number == number)).first()
        if row is not None:
            write_facts(connection, read_row(row), facts)


def write_end(connection: Connection, alarm: Alarm, now: datetime, **facts: Any) -> None:
    """Returns nothing; the alarm has ended, with these facts beside those that it had."""
    connection.execute(update(alarms_table).where(_ROW.number == alarm.number).values(ended=now))
    write_facts(connection, alarm, {**facts, "tries": 0})


def write_facts(connection: Connection, alarm: Alarm, facts: dict[str, Any]) -> None:
    """Returns nothing; the alarm has these facts beside those that it had."""
    text = json.dumps(alarm.facts | facts, allow_nan=False)
    connection.execute(update(alarms_table).where(_ROW.number == alarm.number).values(facts=text))


def _order(alarm: Alarm) -> tuple[bool, bool]:
    """Returns what sorts alarms: those that stand first, of these the critical ones."""
    return alarm.ended is not None, alarm.ended is None and alarm.level != "critical"


def read_row(row: Any) -> Alarm:
    """Returns the alarm of a row of the table."""
    values = dict(row._mapping)
    return Alarm(**values | {"facts": json.loads(values["facts"])})
