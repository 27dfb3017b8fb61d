"""Rules with their levels, and the alarms that they have raised.

An alarm needs proof: the whole 95 % interval must be past the level, so that ten unlucky photos
raise none.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import select

from core.config import AlarmRule, read_settings
from core.monitoring.tables import alarms_table
from core.runs.database import read_database
from core.runs.queue.scheduled import RULES, read_arrangement
from core.workspace import Workspace

Level = Literal["warning", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Rule:
    """A figure that is watched, and its levels; a level of None is off."""

    name: AlarmRule
    title: str
    unit: Literal["photos", "ms", "points", "distance", "index"]
    fewest: int
    """With fewer photos the rule has no result."""
    hours: int
    warning: float | None = None
    critical: float | None = None

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
    Rule("volume_low", "Few photos", "photos", 0, 24),
    Rule("volume_high", "Many photos", "photos", 0, 24),
    Rule("latency", "Slow answers", "ms", 20, 24, 1000.0, 3000.0),
    Rule("unknown", "Unknown photos", "points", 20, 24, 0.15, 0.3),
    Rule("accuracy", "Accuracy on feedback", "points", 10, 24 * 30, 0.1, 0.2),
    Rule("features", "Drift of the features", "distance", 50, 24 * 7, 0.15, 0.3),
    Rule("properties", "Drift of the photos", "distance", 50, 24 * 7, 0.15, 0.3),
    Rule("mix", "Mix of classes", "index", 50, 24 * 7, 0.1, 0.25),
)


def list_rules(workspace: Workspace) -> list[Rule]:
    """Return the rules with the levels of the settings, else of an older program, else defaults."""
    saved = read_arrangement(workspace, RULES).get("rules", {})
    levels = read_settings().alarm_levels
    rules = []
    for default in DEFAULTS:
        rule = replace(default, **saved.get(default.name, {}))
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
        return next((rule.title for rule in DEFAULTS if rule.name == self.rule), self.rule)

    @property
    def text(self) -> str:
        """The last measured value, in words."""
        return str(self.facts.get("text", ""))


def list_alarms(workspace: Workspace, *, active: bool = False) -> list[Alarm]:
    """Return alarms, the active and critical first, then the newest; `active`: no ended ones."""
    query = select(alarms_table).order_by(_ROW.number.desc()).limit(200)
    query = query.where(_ROW.ended.is_(None)) if active else query
    with read_database(workspace) as connection:
        alarms = [Alarm(**row._asdict()) for row in connection.execute(query)]
    return sorted(
        alarms, key=lambda one: (one.ended is not None, not one.ended and one.level != "critical")
    )


def find_last_check(workspace: Workspace) -> datetime | None:
    """Return when the rules were last checked; None: never."""
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(workspace.alarms_lock.stat().st_mtime, UTC)
    return None
