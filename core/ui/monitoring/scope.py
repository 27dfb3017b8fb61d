"""What the monitoring page looks at: answers of which version, over which time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from core.monitoring.log import count_predictions
from core.monitoring.summaries import Step, begin_of, choose_step
from core.registry.store import ModelVersion, list_versions, read_aliases
from core.ui.monitoring import reading as monitoring_cache
from core.ui.parts import cache
from core.ui.parts.messages import show_empty
from core.ui.parts.state import keep_choice, read_choice

_EVERYTHING = "all"
_PERIODS = {"1": "1 day", "7": "7 days", "30": "30 days", "90": "90 days"}
_USUAL = "30"


@dataclass(frozen=True, kw_only=True, eq=False)
class Scope:
    """The answers that are looked at."""

    version: ModelVersion | None
    """Whose reference they are compared with: the chosen one, or the champion."""
    is_one: bool
    """Whether only this version's answers are looked at."""
    days: int
    since: datetime
    ended: datetime
    """The end of this minute: charts of one minute are the same."""
    table: pd.DataFrame
    """The rows of the log."""

    @property
    def step(self) -> Step:
        return choose_step(self.days)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of time axes."""
        return self.since, self.ended


def pick_scope() -> Scope:
    """Returns the chosen answers; with an empty log, draws the empty state and ends the page."""
    if not count_predictions(cache.workspace()):
        show_empty(
            "Nothing was asked yet",
            "Every answer of the Predict page and of the API is noted, without its photo. How "
            "many there are, how fast, how sure and how right they are, and whether the photos "
            "change, appears here from the first on.",
            "predict",
            "Classify a photo",
            ":material/photo_camera:",
        )
        st.stop()
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        version, is_one = _pick_version()
    with right:
        days = int(_pick_period())
    now = datetime.now(UTC)
    since = begin_of(now, days)
    numbers = (version.number,) if version is not None and is_one else None
    rows = monitoring_cache.table(since, numbers)
    if len(rows) == monitoring_cache.MOST_ROWS:
        st.caption(f"Only the newest {len(rows):,} answers of this time are looked at.")
    ended = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Scope(version=version, is_one=is_one, days=days, since=since, ended=ended, table=rows)


def _pick_version() -> tuple[ModelVersion | None, bool]:
    versions = {version.label: version for version in list_versions(cache.workspace())}
    aliases = {number: alias for alias, number in read_aliases(cache.workspace()).items()}
    champion = next(
        (one for one in versions.values() if aliases.get(one.number) == "champion"), None
    )
    options = [_EVERYTHING, *versions]
    chosen = read_choice("watch")
    key = "picker.watch"
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)

    def describe(option: str) -> str:
        if option == _EVERYTHING:
            return "Answers of all models"
        version = versions[option]
        alias = f", {aliases[version.number]}" if version.number in aliases else ""
        return f"{version.label}{alias}: {version.name}"

    usual = champion.label if champion else _EVERYTHING
    start = chosen if chosen in options else usual
    label = st.selectbox(
        "Answers of", options, index=options.index(start), format_func=describe, key=key
    )
    keep_choice("watch", label)
    return versions.get(label, champion), label != _EVERYTHING


def _pick_period() -> str:
    chosen = read_choice("period")
    key = "picker.period"
    period = st.segmented_control(
        "Time",
        list(_PERIODS),
        default=chosen if chosen in _PERIODS else _USUAL,
        format_func=_PERIODS.__getitem__,
        key=key,
        required=True,
    )
    keep_choice("period", period)
    return str(period)
