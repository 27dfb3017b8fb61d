"""The rules are checked: alarms begin and end with what they measure, and somebody is told.

An alarm begins when a level is proven, turns into another when the level changes, and ends when the
rule finds all well, is switched off, or watches another version. While there are too few photos to
tell, it stays as it is: silence is no proof that all is well. A person may end it, too.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from core.monitoring.alarm_log import read_row, write_end, write_facts
from core.monitoring.notify import tell_alarms
from core.monitoring.reading_words import describe_reading
from core.monitoring.readings import Reading, read_rules
from core.monitoring.rules import LEVELS, read_watch
from core.monitoring.webhook import Caller
from core.runs.database import write_database
from core.runs.locks import free_lock, wait_for_lock
from core.runs.tables import alarms_table
from core.workspace import Workspace

_ROW = alarms_table.c


def check_rules(
    workspace: Workspace,
    *,
    now: datetime | None = None,
    tell: bool = True,
    caller: Caller | None = None,
) -> list[Reading]:
    """Returns what the rules measure; alarms have begun and ended by it.

    Args:
        workspace: Holds the log and the rules.
        now: The end of the time that they look over; this moment when None.
        tell: Whether the address for alarms is told, which may take half a minute.
        caller: How it is called.
    """
    lock = wait_for_lock(workspace.alarms_lock)
    try:
        moment = now or datetime.now(UTC)  # once it is our turn: alarms are in order of time
        readings = read_rules(workspace, read_watch(workspace), moment)
        with write_database(workspace) as connection:
            for reading in readings:
                _settle(connection, reading, moment)
    finally:
        free_lock(lock)
    if tell:
        tell_alarms(workspace, caller, moment)
    return readings


def _settle(connection: Connection, reading: Reading, now: datetime) -> None:
    """Returns nothing; the alarms of a rule stand as it measures."""
    query = select(alarms_table).where(_ROW.rule == reading.rule.name, _ROW.ended.is_(None))
    found = _describe(reading)
    is_begun = reading.state in LEVELS
    for alarm in map(read_row, connection.execute(query.order_by(_ROW.number)).all()):
        if alarm.version != reading.version:
            write_end(connection, alarm, now, ended_by="another version answers")
        elif reading.state == "few":
            continue
        elif alarm.level == reading.state and is_begun:
            write_facts(connection, alarm, found)
            is_begun = False
        else:
            ended_by = "the rule was switched off" if reading.state == "off" else reading.state
            facts = {"ended_by": ended_by, "end_text": found["text"], "replaced": is_begun}
            write_end(connection, alarm, now, **facts)
    if is_begun:
        values = {"rule": reading.rule.name, "level": reading.state, "raised": now}
        connection.execute(
            insert(alarms_table).values(
                **values, version=reading.version, facts=json.dumps(found, allow_nan=False)
            )
        )


def _describe(reading: Reading) -> dict[str, Any]:
    if reading.state not in LEVELS:
        return {"text": describe_reading(reading)}
    return {
        "text": describe_reading(reading),
        "value": round(float(reading.estimate.value), 4),
        "sure": round(float(reading.sure), 4),
        "n": reading.estimate.n,
    }
