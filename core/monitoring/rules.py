"""Rules with their levels, and the alarms that they have raised.

An alarm needs proof: the whole 95 % interval must be past the level, so that ten unlucky photos
raise none.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, select, update

from core.config import AlarmRule, read_settings
from core.monitoring.tables import alarms_table
from core.runs.database import read_database
from core.runs.queue.scheduled import RULES, read_arrangement
from core.workspace import Workspace

Level = Literal["warning", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Measure(NamedTuple):
    """A figure that a rule watches."""

    title: str
    unit: Literal["photos", "ms", "points", "distance", "index"]
    fewest: int
    """With fewer photos the rule has no result."""


MEASURES: dict[str, Measure] = {
    "volume_low": Measure("Few photos", "photos", 0),
    "volume_high": Measure("Many photos", "photos", 0),
    "latency": Measure("Slow answers", "ms", 20),
    "unknown": Measure("Unknown photos", "points", 20),
    "accuracy": Measure("Accuracy on feedback", "points", 10),
    "features": Measure("Drift of the features", "distance", 50),
    "properties": Measure("Drift of the photos", "distance", 50),
    "mix": Measure("Mix of classes", "index", 50),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Levels of a measure; a level of None is off."""

    name: AlarmRule
    warning: float | None
    critical: float | None
    hours: int

    @property
    def measure(self) -> Measure:
        return MEASURES[self.name]

    @property
    def is_low(self) -> bool:
        """Whether low values are bad."""
        return self.name == "volume_low"

    @property
    def is_on(self) -> bool:
        return self.warning is not None or self.critical is not None

    def find_level(self, sure: float) -> Level | None:
        """Return the level that a value has reached (see `Reading.sure`)."""
        for level in reversed(LEVELS):
            limit = getattr(self, level)
            if limit is not None and (sure < limit if self.is_low else sure >= limit):
                return level
        return None


DEFAULTS: tuple[Rule, ...] = (
    Rule(name="volume_low", warning=None, critical=None, hours=24),
    Rule(name="volume_high", warning=None, critical=None, hours=24),
    Rule(name="latency", warning=1000.0, critical=3000.0, hours=24),
    Rule(name="unknown", warning=0.15, critical=0.3, hours=24),
    Rule(name="accuracy", warning=0.1, critical=0.2, hours=24 * 30),
    Rule(name="features", warning=0.15, critical=0.3, hours=24 * 7),
    Rule(name="properties", warning=0.15, critical=0.3, hours=24 * 7),
    Rule(name="mix", warning=0.1, critical=0.25, hours=24 * 7),
)


def list_rules(workspace: Workspace) -> list[Rule]:
    """Return the rules with the levels of the settings, else of an older program, else defaults."""
    saved = (read_arrangement(workspace, RULES) or {}).get("rules", {})
    levels = read_settings().alarm_levels
    rules = []
    for default in DEFAULTS:
        rule = Rule(**asdict(default) | dict(saved.get(default.name, {})))
        if default.name in levels:
            warning, critical = levels[default.name]
            rule = replace(rule, warning=warning, critical=critical)
        rules.append(rule)
    return rules


_ROW = alarms_table.c


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm of a rule."""

    number: int
    rule: str
    level: Level
    raised: datetime
    ended: datetime | None
    version: int | None
    facts: dict[str, Any]
    """text: the measured value in words; ended_by: why it ended."""

    @property
    def title(self) -> str:
        """The title of the rule; its name where this program does not know it."""
        return MEASURES[self.rule].title if self.rule in MEASURES else self.rule

    @property
    def text(self) -> str:
        """The last measured value, in words."""
        return str(self.facts.get("text", ""))


def list_alarms(workspace: Workspace, *, active: bool = False) -> list[Alarm]:
    """Return alarms, the active and critical first, then the newest; `active`: no ended ones."""
    query = select(alarms_table).order_by(_ROW.number.desc()).limit(200)
    query = query.where(_ROW.ended.is_(None)) if active else query
    with read_database(workspace) as connection:
        alarms = [read_alarm(row) for row in connection.execute(query)]
    return sorted(
        alarms, key=lambda one: (one.ended is not None, not one.ended and one.level != "critical")
    )


def find_last_check(workspace: Workspace) -> datetime | None:
    """Return when the rules were last checked; None: never."""
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(workspace.alarms_lock.stat().st_mtime, UTC)
    return None


def change_alarm(
    connection: Connection, alarm: Alarm, facts: dict[str, Any], **columns: Any
) -> None:
    """Add facts to an alarm and change columns of its row."""
    values = {"facts": json.dumps(alarm.facts | facts, allow_nan=False), **columns}
    connection.execute(update(alarms_table).where(_ROW.number == alarm.number).values(**values))


def read_alarm(row: Any) -> Alarm:
    """Return the alarm of a row of the table."""
    values = dict(row._mapping)
    return Alarm(**values | {"facts": json.loads(values["facts"])})
