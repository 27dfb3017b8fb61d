"""The content of the page Monitoring, read once: period and model, their log, the rules.

Cached under a mark of the log for a minute, because a review may change a row without a count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pandas as pd
import streamlit as st

from core.monitoring.drift import VersionDrift, find_drift
from core.monitoring.feedback import count_feedback
from core.monitoring.log import count_predictions, read_predictions
from core.monitoring.readings import Reading, check_rules
from core.monitoring.rules import Alarm, list_alarms
from core.registry.store import ModelVersion, list_versions, read_aliases, read_version
from core.ui.parts import cache
from core.ui.parts.state import settle_choice

MOST_ROWS = 50_000
"""Newest rows of the log that are drawn."""
EVERYTHING = "all"
PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days"}
_SECONDS = 60
_Mark = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class MonitoringPage:
    """The chosen answers, and the results of the rules."""

    noted: int
    """Predictions in the log."""
    options: Mapping[str, str]
    """Options of `watched` in words."""
    watched: str
    """Label of the version, or `EVERYTHING`."""
    version: ModelVersion | None
    """The version whose reference is used: the watched one, or the champion."""
    period: str
    """One of `PERIODS`."""
    now: datetime
    readings: Sequence[Reading]

    @property
    def since(self) -> datetime:
        """The midnight that starts the period."""
        first = self.now - timedelta(days=int(self.period) - 1)
        return first.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Ends of time axes; the last is the end of this minute, so that charts stay cached."""
        return self.since, self.now.replace(second=0, microsecond=0) + timedelta(minutes=1)

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The watched version; None: all."""
        if self.version is None or self.watched == EVERYTHING:
            return None
        return (self.version.number,)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The newest rows of the log."""
        return _read_table(self.since, self.numbers)

    @cached_property
    def alarms(self) -> list[Alarm]:
        return list_alarms(cache.workspace())

    def read_drift(self, version: ModelVersion) -> VersionDrift:
        """Return the drift of a version in the period.

        Raises:
            PetalscopeError: Its reference is damaged, or rows were deleted.
        """
        return _read_drift(version.number, self.since)


def read_monitoring() -> MonitoringPage:
    """Return the content of the page; checking the rules starts and ends alarms."""
    names = read_aliases(cache.workspace())
    readings = _check_rules(names.get("champion"), _mark())
    versions = {version.label: version for version in list_versions(cache.workspace())}
    aliases = {number: alias for alias, number in names.items()}
    champion = next((v for v in versions.values() if aliases.get(v.number) == "champion"), None)
    options = {EVERYTHING: "All models"}
    for label, version in versions.items():
        alias = f", {aliases[version.number]}" if version.number in aliases else ""
        options[label] = f"{label}{alias}: {version.name}"
    noted = count_predictions(cache.workspace())
    watched, period = EVERYTHING, "30"
    if noted:  # without pickers the link stays unchanged
        watched = settle_choice("watch", options, champion.label if champion else EVERYTHING)
        period = settle_choice("period", PERIODS, period)
    return MonitoringPage(
        noted=noted,
        options=options,
        watched=watched,
        version=versions.get(watched, champion),
        period=period,
        now=datetime.now(UTC),
        readings=readings,
    )


def check_again() -> None:
    """Check the rules in the next run of the page."""
    _check_rules.clear()


def _mark(*_of: object) -> _Mark:
    """Return a key that changes with the log and its feedback."""
    workspace = cache.workspace()
    return count_predictions(workspace), tuple(count_feedback(workspace).values())


@cache.cached_by(_mark, most=8, ttl=_SECONDS)
def _read_table(since: datetime, versions: tuple[int, ...] | None) -> pd.DataFrame:
    return read_predictions(cache.workspace(), since=since, versions=versions, limit=MOST_ROWS)


@cache.cached_by(_mark, most=4, ttl=_SECONDS, wait="Comparing with the reference …")
def _read_drift(number: int, since: datetime) -> VersionDrift:
    return find_drift(cache.workspace(), read_version(cache.workspace(), number), since=since)


@st.cache_resource(max_entries=4, ttl=_SECONDS, show_spinner="Checking the rules …")
def _check_rules(champion: int | None, mark: _Mark) -> list[Reading]:  # noqa: ARG001 (the key)
    return check_rules(cache.workspace())
