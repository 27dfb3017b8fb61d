"""The page Monitoring, rules: active alarms on top, below the rules and the former alarms."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.formats import count, moment, plain
from core.monitoring.readings import Reading, State, describe_levels, describe_reading
from core.monitoring.rules import Alarm
from core.runs.queue.scheduled import read_check_minutes
from core.ui.monitoring.reading import MonitoringPage, check_again
from core.ui.parts import cache

_BADGES: dict[State, str] = {
    "off": ":gray-badge[off]",
    "few": ":gray-badge[too few]",
    "fine": ":green-badge[fine]",
    "warning": ":orange-badge[warning]",
    "critical": ":red-badge[critical]",
}


def show_active_alarms(alarms: Sequence[Alarm]) -> None:
    """Draw the active alarms."""
    for alarm in alarms:
        if alarm.ended is None:
            version = f" of v{alarm.version}" if alarm.version else ""
            with st.container(border=True):
                st.markdown(
                    f"{_BADGES[alarm.level]} **{plain(alarm.title)}{version}:** "
                    f"{plain(alarm.text)} (since {moment(alarm.raised)})"
                )


def show_rules(page: MonitoringPage) -> None:
    """Draw each rule with its result, and the former alarms."""
    readings = page.readings
    measured = f"v{readings[0].version}, the champion" if readings[0].version else "all models"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            "Rules",
            anchor=False,
            help="An alarm starts only when the whole 95 % interval is past the level. The levels "
            "are the setting PETALSCOPE_ALARM_LEVELS.",
        )
        if st.button("Check now", icon=":material/refresh:", key="monitoring.check"):
            check_again()
            st.rerun()
    lines = ["| | Rule | Now | Alarm |", "|---|---|---|---|"]
    lines += [_describe_row(reading) for reading in readings if reading.state != "off"]
    st.markdown("\n".join(lines))
    minutes = read_check_minutes(cache.workspace())
    often = f"every {count(int(minutes), 'minute')}" if minutes else "when this page is open"
    st.caption(f"Measured on the answers of {measured}. Checked {often}.")
    if page.alarms:
        _show_history(page.alarms)


def _describe_row(reading: Reading) -> str:
    cells = (
        _BADGES[reading.state],
        f"**{plain(reading.rule.measure.title)}**",
        plain(describe_reading(reading)),
        plain(describe_levels(reading.rule)),
    )
    return f"| {' | '.join(cells)} |"


def _show_history(alarms: Sequence[Alarm]) -> None:
    """Draw all alarms as a table."""
    with st.expander(f"Alarms so far: {len(alarms)}", icon=":material/history:"):
        table = pd.DataFrame(
            {
                "Alarm": [alarm.title for alarm in alarms],
                "Level": [alarm.level for alarm in alarms],
                "Version": [f"v{one.version}" if one.version else "all" for one in alarms],
                "Since": [moment(alarm.raised) for alarm in alarms],
                "Until": [moment(one.ended) if one.ended else "active" for one in alarms],
                "Measured": [alarm.text for alarm in alarms],
                "Ended by": [str(alarm.facts.get("ended_by", "")) for alarm in alarms],
            }
        )
        st.dataframe(table, hide_index=True, alt=f"{count(len(alarms), 'alarm')}, newest first")
