"""What the monitoring page shows, read once: the chosen time and model, their log, the rules.

Kept under a mark of the log, and for a minute at most: a review may change a row and no count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pandas as pd
import streamlit as st

from core.monitoring.alarms import Alarm, list_alarms
from core.monitoring.drift import DriftReference, VersionDrift, find_drift, read_drift_reference
from core.monitoring.feedback import count_feedback
from core.monitoring.log import count_predictions, read_predictions
from core.monitoring.readings import Reading, check_rules
from core.monitoring.rules import Watch, read_watch
from core.monitoring.summaries import Step, begin_of, choose_step, name_versions, summarise_steps
from core.registry.store import ModelVersion, list_versions, read_aliases, read_version
from core.ui.parts import cache
from core.ui.parts.state import settle_choice

MOST_ROWS = 50_000
"""Of the log that are drawn: the newest."""
EVERYTHING = "all"
PERIODS = {"1": "1 day", "7": "7 days", "30": "30 days", "90": "90 days"}
_USUAL = "30"
_SECONDS = 60
_Mark = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class MonitoringPage:
    """The answers that are looked at, and what the rules make of the newest."""

    noted: int
    """Predictions in the log, of any time."""
    options: Mapping[str, str]
    """What `watched` may be, in words."""
    watched: str
    """Label of the version whose answers are looked at, or `EVERYTHING`."""
    version: ModelVersion | None
    """Whose reference the answers are compared with: the watched one, or the champion."""
    period: str
    """One of `PERIODS`."""
    now: datetime
    watch: Watch
    readings: Sequence[Reading]

    @property
    def days(self) -> int:
        return int(self.period)

    @property
    def step(self) -> Step:
        return choose_step(self.days)

    @property
    def since(self) -> datetime:
        return begin_of(self.now, self.days)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of time axes; the end of this minute: its charts are the same."""
        return self.since, self.now.replace(second=0, microsecond=0) + timedelta(minutes=1)

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The version whose answers are looked at; None: those of all."""
        if self.version is None or self.watched == EVERYTHING:
            return None
        return (self.version.number,)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The newest rows of the log."""
        return _read_table(self.since, self.numbers)

    def find_newest(self) -> datetime | None:
        """Return when the last answer of any time was given; None: there was none."""
        table = read_predictions(cache.workspace(), versions=self.numbers, limit=1)
        return table["time"].iloc[0].to_pydatetime() if len(table) else None

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Figures by day (or hour) and version."""
        return summarise_steps(self.table, self.step)

    @cached_property
    def answering(self) -> list[str]:
        """The versions that answered, as charts name them."""
        return sorted(name_versions(self.table).unique())

    @cached_property
    def alarms(self) -> list[Alarm]:
        return list_alarms(cache.workspace())

    def read_reference(self) -> DriftReference | None:
        """Return the reference of the version; None without one.

        Raises:
            VersionDamaged: A file of it is missing, was cut short or altered.
        """
        return None if self.version is None else _read_reference(self.version.number)

    def read_drift(self, version: ModelVersion) -> VersionDrift:
        """Return the drift of the photos that a version was asked about in this time.

        Raises:
            PetalscopeError: Its reference is damaged, or rows were deleted meanwhile.
        """
        return _read_drift(version.number, self.since)


def read_monitoring() -> MonitoringPage:
    """Return what the page shows; checking the rules begins and ends alarms."""
    watch = read_watch(cache.workspace())
    standing = read_aliases(cache.workspace())
    readings = _check_rules(repr(watch), standing.get("champion"), _mark())
    versions = {version.label: version for version in list_versions(cache.workspace())}
    aliases = {number: alias for alias, number in standing.items()}
    champion = next((v for v in versions.values() if aliases.get(v.number) == "champion"), None)
    options = {EVERYTHING: "Answers of all models"}
    for label, version in versions.items():
        alias = f", {aliases[version.number]}" if version.number in aliases else ""
        options[label] = f"{label}{alias}: {version.name}"
    noted = count_predictions(cache.workspace())
    watched, period = EVERYTHING, _USUAL
    if noted:  # else the page has no pickers, and the link stays as it is
        watched = settle_choice("watch", options, champion.label if champion else EVERYTHING)
        period = settle_choice("period", PERIODS, _USUAL)
    return MonitoringPage(
        noted=noted,
        options=options,
        watched=watched,
        version=versions.get(watched, champion),
        period=period,
        now=datetime.now(UTC),
        watch=watch,
        readings=readings,
    )


def check_again() -> None:
    """Have the rules checked anew when they are asked for next."""
    _check_rules.clear()


def _mark(*_of: object) -> _Mark:
    """Return what tells the log and what was said of it from any other moment's."""
    workspace = cache.workspace()
    return count_predictions(workspace), tuple(count_feedback(workspace).values())


@cache.cached_by(_mark, most=8, ttl=_SECONDS)
def _read_table(since: datetime, versions: tuple[int, ...] | None) -> pd.DataFrame:
    return read_predictions(cache.workspace(), since=since, versions=versions, limit=MOST_ROWS)


@cache.cached_by(_mark, most=4, ttl=_SECONDS, wait="Comparing with the reference …")
def _read_drift(number: int, since: datetime) -> VersionDrift:
    return find_drift(cache.workspace(), read_version(cache.workspace(), number), since=since)


@cache.cached_by(lambda number: read_version(cache.workspace(), number).digest, most=4)
def _read_reference(number: int) -> DriftReference:
    return read_drift_reference(cache.workspace(), read_version(cache.workspace(), number))


@st.cache_resource(max_entries=4, ttl=_SECONDS, show_spinner="Checking the rules …")
def _check_rules(watch: str, champion: int | None, mark: _Mark) -> list[Reading]:  # noqa: ARG001
    # The arguments are the key: rules are checked anew once one of them changes.
    return check_rules(cache.workspace())
