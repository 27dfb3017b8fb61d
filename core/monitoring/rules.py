"""What is watched, over which time, and from when on it is a warning or critical.

Not the measured value is held against a level but the end of its 95 % interval that speaks for the
model, so that ten unlucky photos raise no alarm.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from core.errors import WatchRefused
from core.runs.queue.scheduled import keep_arrangement, read_arrangement
from core.workspace import Workspace

ARRANGEMENT = "monitoring"
"""Its content: rules {name: {warning, critical, hours}} and check_every_minutes (0: never)."""

Level = Literal["warning", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)
Name = Literal[
    "volume_low", "volume_high", "latency", "unknown", "accuracy", "features", "properties", "mix"
]

MOST_HOURS = 24 * 90
MOST_MINUTES = 7 * 24 * 60


@dataclass(frozen=True)
class Measure:
    """What a rule measures."""

    title: str
    unit: Literal["photos", "ms", "share", "points", "distance", "index"]
    meaning: str
    fewest: int
    """Photos below which nothing is said."""
    is_low: bool = False
    """Whether a low value is the bad one."""


MEASURES: dict[str, Measure] = {
    "volume_low": Measure(
        "Few photos", "photos", "photos answered in that time, fewer than", 0, is_low=True
    ),
    "volume_high": Measure("Many photos", "photos", "photos answered in that time, at least", 0),
    "latency": Measure(
        "Slow answers", "ms", "time that 95 % of the answers keep, from the arrival of a photo", 20
    ),
    "unknown": Measure(
        "Unknown photos",
        "share",
        "photos that were not answered: unsure, or unlike all training photos",
        20,
    ),
    "accuracy": Measure(
        "Accuracy on feedback",
        "points",
        "fall below the accuracy on validation photos, where people said what it really is",
        10,
    ),
    "features": Measure(
        "Drift of the features",
        "distance",
        "largest proven distance of what the model sees, 0 the same to 1 wholly apart",
        50,
    ),
    "properties": Measure(
        "Drift of the photos",
        "distance",
        "largest proven distance of brightness, contrast, sharpness, colourfulness",
        50,
    ),
    "mix": Measure(
        "Mix of classes",
        "index",
        "proven population stability index, beyond what chance gives",
        50,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """From when on a measure is an alarm; a level that is None is not watched."""

    name: Name
    warning: float | None
    critical: float | None
    hours: int

    @property
    def measure(self) -> Measure:
        return MEASURES[self.name]

    @property
    def is_on(self) -> bool:
        return self.warning is not None or self.critical is not None

    def find_level(self, sure: float) -> Level | None:
        """Return the level that a value has reached (see `Reading.sure`), None for neither."""
        for level in reversed(LEVELS):
            limit = getattr(self, level)
            if limit is not None and (sure < limit if self.measure.is_low else sure >= limit):
                return level
        return None


DEFAULTS: tuple[Rule, ...] = (
    Rule(name="volume_low", warning=None, critical=None, hours=24),
    Rule(name="volume_high", warning=None, critical=None, hours=24),
    Rule(name="latency", warning=1000.0, critical=3000.0, hours=24),
    Rule(name="unknown", warning=0.3, critical=0.5, hours=24),
    Rule(name="accuracy", warning=0.1, critical=0.2, hours=24 * 30),
    Rule(name="features", warning=0.15, critical=0.3, hours=24 * 7),
    Rule(name="properties", warning=0.15, critical=0.3, hours=24 * 7),
    Rule(name="mix", warning=0.1, critical=0.25, hours=24 * 7),
)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """All rules, and how often the scheduler checks them while nobody looks."""

    rules: tuple[Rule, ...] = DEFAULTS
    check_every_minutes: int = 0
    """0: only when somebody asks."""

    def rule(self, name: Name) -> Rule:
        """Return the rule of that name."""
        return next(rule for rule in self.rules if rule.name == name)


def read_watch(workspace: Workspace) -> Watch:
    """Return the rules as they were last kept; what was never kept is at its default."""
    content = read_arrangement(workspace, ARRANGEMENT) or {}
    kept: Mapping[str, Any] = content.get("rules", {})
    return Watch(
        rules=tuple(
            Rule(**asdict(rule) | dict(kept.get(rule.name, {}), name=rule.name))
            for rule in DEFAULTS
        ),
        check_every_minutes=int(content.get("check_every_minutes", 0)),
    )


def keep_watch(workspace: Workspace, watch: Watch, who: str = "") -> None:
    """Keep the rules, which hold from now on.

    Raises:
        WatchRefused: A level, a time or their order makes no sense.
    """
    for rule in watch.rules:
        _check(rule)
    if not 0 <= watch.check_every_minutes <= MOST_MINUTES:
        raise WatchRefused(
            f"The rules cannot be checked every {watch.check_every_minutes} minutes.",
            f"Choose 0 (never) to {MOST_MINUTES:,} minutes.",
        )
    rules = {rule.name: asdict(rule) for rule in watch.rules}
    for values in rules.values():
        del values["name"]
    content = {"rules": rules, "check_every_minutes": watch.check_every_minutes}
    keep_arrangement(workspace, ARRANGEMENT, content, who)


def _check(rule: Rule) -> None:
    levels = [limit for limit in (rule.warning, rule.critical) if limit is not None]
    if any(not math.isfinite(limit) or limit < 0 for limit in levels):
        raise _refuse(rule, "has a level below 0", "Type 0 or more, or leave it empty.")
    if rule.measure.unit in ("share", "points", "distance") and any(limit > 1 for limit in levels):
        raise _refuse(rule, "has a level above the largest there is", "Type a smaller one.")
    if not 1 <= rule.hours <= MOST_HOURS:
        raise _refuse(rule, "looks over no time, or too much", f"Choose 1 to {MOST_HOURS} h.")
    if len(levels) == 2 and (levels[1] > levels[0]) is rule.measure.is_low:
        remedy = "Make the critical level the one that is reached later."
        raise _refuse(rule, "is critical before it warns", remedy)


def _refuse(rule: Rule, what: str, remedy: str) -> WatchRefused:
    return WatchRefused(f"The rule “{rule.measure.title}” {what}.", remedy, rule=rule.name)
