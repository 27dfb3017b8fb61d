"""Alarms: their rows in the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from core.monitoring.rules import MEASURES, Level
from core.monitoring.tables import alarms_table
from core.runs.database import read_database, write_database
from core.workspace import Workspace

_ROW = alarms_table.c
_MOST_LISTED = 200


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
    """text: what was measured, in words; ended_by: how it ended."""

    @property
    def title(self) -> str:
        """The rule in words; its name where a newer program had another."""
        return MEASURES[self.rule].title if self.rule in MEASURES else self.rule

    @property
    def text(self) -> str:
        """What was measured while it stood, in words."""
        return str(self.facts.get("text", ""))


def list_alarms(workspace: Workspace, *, standing: bool = False) -> list[Alarm]:
    """Return alarms: those that stand first, of these the critical ones; else newest first."""
    query = select(alarms_table).order_by(_ROW.number.desc()).limit(_MOST_LISTED)
    with read_database(workspace) as connection:
        rows = connection.execute(query.where(_ROW.ended.is_(None)) if standing else query).all()
    alarms = map(read_row, rows)
    return sorted(
        alarms, key=lambda one: (one.ended is not None, not one.ended and one.level != "critical")
    )


def find_worst(alarms: Sequence[Alarm]) -> Level | None:
    """Return the highest level of the alarms, None of none."""
    levels = {alarm.level for alarm in alarms}
    return "critical" if "critical" in levels else "warning" if levels else None


def end_alarm(workspace: Workspace, number: int, who: str = "") -> bool:
    """Return whether the alarm was standing; it has ended now, by a person.

    It begins anew at the next check when its cause is still there.
    """
    with write_database(workspace) as connection:
        query = select(alarms_table).where(_ROW.number == number, _ROW.ended.is_(None))
        row = connection.execute(query).first()
        if row is not None:
            write_end(connection, read_row(row), datetime.now(UTC), who or "a person")
    return row is not None


def write_end(connection: Connection, alarm: Alarm, now: datetime, ended_by: str) -> None:
    """End an alarm and add to its facts how it ended."""
    write_facts(connection, alarm, {"ended_by": ended_by}, ended=now)


def write_facts(connection: Connection, alarm: Alarm, facts: dict[str, Any], **own: Any) -> None:
    """Add facts to those of an alarm; `own` are values of its row."""
    values = {"facts": json.dumps(alarm.facts | facts, allow_nan=False), **own}
    connection.execute(update(alarms_table).where(_ROW.number == alarm.number).values(**values))


def read_row(row: Any) -> Alarm:
    """Return the alarm of a row of the table."""
    values = dict(row._mapping)
    return Alarm(**values | {"facts": json.loads(values["facts"])})
