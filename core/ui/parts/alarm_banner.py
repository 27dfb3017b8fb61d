"""The banner of standing alarms: on every page where a model is used."""

import streamlit as st

from core.formats import moment, plain
from core.monitoring.alarm_log import Alarm, find_worst, list_alarms
from core.ui.parts import cache
from core.ui.parts.frame import page_file

_MOST = 3
_NOTE = "Something about the answers needs attention just now: take them with a little care."


def show_alarm_banner(*, link: bool = True) -> None:
    """Draws what alarms stand, the critical first; nothing while there is none.

    Args:
        link: Whether the way to the monitoring page stands below.
    """
    alarms = list_alarms(cache.workspace(), standing=True)
    if not alarms:
        return
    critical = find_worst(alarms) == "critical"
    draw = st.error if critical else st.warning
    lines = [_describe(alarm) for alarm in alarms[:_MOST]]
    if len(alarms) > _MOST:
        lines.append(f"And {len(alarms) - _MOST} more.")
    draw("\n\n".join(lines), icon=":material/error:" if critical else ":material/warning:")
    if link:
        st.page_link(page_file("monitoring"), label="Look into it", icon=":material/vital_signs:")


def show_alarm_note() -> None:
    """Draws one line without figures while an alarm stands: for who only has a photo."""
    alarms = list_alarms(cache.workspace(), standing=True)
    if not alarms:
        return
    colour = "red" if find_worst(alarms) == "critical" else "orange"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":{colour}[:material/warning: {_NOTE}]", width="content")
        st.page_link(page_file("monitoring"), label="Why?")


def _describe(alarm: Alarm) -> str:
    version = f" of v{alarm.version}" if alarm.version else ""
    return (
        f"**{plain(alarm.title)}{version}, {alarm.level}:** {plain(alarm.text)} "
        f"(raised {moment(alarm.raised)})"
    )
