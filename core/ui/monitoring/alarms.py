"""The monitoring page, alarms: those that stand can be ended by hand; all that were, in a table."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.formats import count, moment, plain
from core.monitoring.alarms import Alarm, end_alarm, list_alarms
from core.ui.parts import cache
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.state import name_browser


def show_alarms() -> None:
    """Draws the standing alarms with the way to end them, and the history."""
    alarms = list_alarms(cache.workspace())
    for alarm in alarms:
        if alarm.ended is None:
            _show_standing(alarm)
    _show_history(alarms)


@st.fragment
def _show_history(alarms: Sequence[Alarm]) -> None:
    """Draws all alarms as a table, once they are asked for."""
    label = f"Alarms so far: {len(alarms)}"
    history = st.expander(
        label, icon=":material/history:", key="monitoring.history", on_change="rerun"
    )
    if not history.open:
        return
    with history:
        if not alarms:
            st.caption("No rule has reached a level yet.")
            return
        table = pd.DataFrame(
            {
                "Alarm": [alarm.title for alarm in alarms],
                "Level": [alarm.level for alarm in alarms],
                "Version": [f"v{one.version}" if one.version else "all" for one in alarms],
                "Since": [moment(alarm.raised) for alarm in alarms],
                "Until": [moment(one.ended) if one.ended else "stands" for one in alarms],
                "What was measured": [alarm.text for alarm in alarms],
                "Ended": [str(alarm.facts.get("ended_by", "")) for alarm in alarms],
                "Told": [_say_told(alarm) for alarm in alarms],
            }
        )
        st.dataframe(table, hide_index=True, alt=f"{count(len(alarms), 'alarm')}, newest first")


def _show_standing(alarm: Alarm) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        colour = "red" if alarm.level == "critical" else "orange"
        st.markdown(f":{colour}-badge[{alarm.level}] **{plain(alarm.title)}**: {plain(alarm.text)}")
        if st.button(
            "End",
            key=f"monitoring.end.{alarm.number}",
            help="It begins anew at the next check while its cause is still there.",
        ):
            end_alarm(cache.workspace(), alarm.number, name_browser())  # it is told outside
            tell_after_rerun("The alarm has ended.")
            st.rerun()


def _say_told(alarm: Alarm) -> str:
    told = {"begin": "its begin", "end": "begin and end"}.get(str(alarm.facts.get("told", "")), "")
    return told or str(alarm.facts.get("trouble", ""))
