"""What the monitoring page reads again and again: the log of a time, drift, the rules' readings.

Kept under a mark of the log, and for a minute at most: a review may change a row and no count.
"""

import threading
from datetime import datetime

import pandas as pd
import streamlit as st

from core.monitoring.alarms import find_alarm_url, find_untold, tell_alarms
from core.monitoring.drift import VersionDrift, find_drift
from core.monitoring.feedback import count_feedback
from core.monitoring.log import count_predictions, read_predictions
from core.monitoring.readings import Reading, check_rules
from core.monitoring.rules import read_watch
from core.registry.store import ModelVersion, read_version
from core.ui.parts import cache

MOST_ROWS = 50_000
"""Of the log that are drawn: the newest."""
_SECONDS = 60
_Mark = tuple[int, tuple[int, ...]]


def table(since: datetime, versions: tuple[int, ...] | None) -> pd.DataFrame:
    """Returns the newest rows of the log since a moment, of all answers or of these versions."""
    return _table(since, versions, _mark())


def drift(version: ModelVersion, since: datetime) -> VersionDrift:
    """Returns the drift of the photos that a version was asked about since a moment."""
    return _drift(version.number, version.digest, since, _mark())


def readings() -> list[Reading]:
    """Returns what the rules measure; alarms have begun and ended by it, and are being told."""
    found = _readings(repr(read_watch(cache.workspace())), _mark())
    if find_alarm_url() is not None and find_untold(cache.workspace()):
        threading.Thread(target=tell_alarms, args=(cache.workspace(),), daemon=True).start()
    return found


def check_again() -> None:
    """Returns nothing; the rules are checked anew when they are asked for next."""
    _readings.clear()


def _mark() -> _Mark:
    workspace = cache.workspace()
    said = tuple(count_feedback(workspace).values())
    return count_predictions(workspace), said


@st.cache_resource(max_entries=8, ttl=_SECONDS, show_spinner=False)
def _table(
    since: datetime,
    versions: tuple[int, ...] | None,
    mark: _Mark,  # noqa: ARG001 (part of the key)
) -> pd.DataFrame:
    return read_predictions(cache.workspace(), since=since, versions=versions, limit=MOST_ROWS)


@st.cache_resource(max_entries=4, ttl=_SECONDS, show_spinner="Comparing with the reference …")
def _drift(
    number: int,
    digest: str,  # noqa: ARG001 (part of the key)
    since: datetime,
    mark: _Mark,  # noqa: ARG001 (part of the key)
) -> VersionDrift:
    return find_drift(cache.workspace(), read_version(cache.workspace(), number), since=since)


@st.cache_resource(max_entries=4, ttl=_SECONDS, show_spinner="Checking the rules …")
def _readings(watch: str, mark: _Mark) -> list[Reading]:  # noqa: ARG001 (both are the key)
    return check_rules(cache.workspace(), tell=False)
