"""The monitoring page, rules and alarms: what is watched, measured now, and has been raised."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.formats import count, moment, plain
from core.monitoring.alarms import Alarm, end_alarm
from core.monitoring.readings import Reading, State, describe_levels, describe_reading
from core.monitoring.rules import MOST_HOURS, Rule, Watch, keep_watch, read_watch
from core.runs.queue.starting import ensure_scheduler
from core.ui.monitoring.reading import MonitoringPage, check_again
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.visitor import name_browser, name_visitor

_BADGES: dict[State, str] = {
    "off": ":gray-badge[off]",
    "few": ":gray-badge[too few]",
    "fine": ":green-badge[fine]",
    "warning": ":orange-badge[warning]",
    "critical": ":red-badge[critical]",
}
_UNITS = {"share": " (%)", "points": " (points)", "ms": " (ms)"}
_EVERY = {
    0: "only when this page is open or a program asks",
    15: "every 15 minutes",
    60: "every hour",
    360: "every 6 hours",
    1440: "every day",
}


def show_rules(page: MonitoringPage) -> None:
    """Draw each rule with what it measures now, and the ways to check and change them."""
    readings = page.readings
    st.subheader("Rules", anchor=False)
    whose = f"v{readings[0].version}, the champion" if readings[0].version else "all models"
    st.caption(
        f"Measured on the answers of {whose}. An alarm needs proof: not the value but the end of "
        "its 95 % interval that speaks for the model is held against the level."
    )
    lines = ["| | What is watched | Now | Alarm |", "|---|---|---|---|"]
    lines += [_describe_row(reading) for reading in readings]
    st.markdown("\n".join(lines))
    with st.container(horizontal=True):
        if st.button("Check now", icon=":material/refresh:", key="monitoring.check"):
            check_again()
            st.rerun()
        if cache.edit_button("Change the rules", icon=":material/tune:", key="monitoring.change"):
            _show_form()
    _show_schedule(page.watch)


def _describe_row(reading: Reading) -> str:
    cells = (
        _BADGES[reading.state],
        f"**{plain(reading.rule.measure.title)}**",
        plain(describe_reading(reading)),
        plain(describe_levels(reading.rule)),
    )
    return f"| {' | '.join(cells)} |"


def _show_schedule(watch: Watch) -> None:
    every = watch.check_every_minutes
    checked = _EVERY.get(every, f"every {every} minutes")
    st.caption(f"Checked {checked}. The API reports active alarms to Prometheus at `/metrics`.")


@st.dialog("Change the rules", width="large")
def _show_form() -> None:
    watch = read_watch(cache.workspace())
    st.caption("Leave a level empty to go without it; without both, the rule is off.")
    with st.form("monitoring.rules", border=False):
        rules = tuple(_show_rule(rule) for rule in watch.rules)
        options = sorted({*_EVERY, watch.check_every_minutes})
        every = st.selectbox(
            "Check the rules",
            options,
            index=options.index(watch.check_every_minutes),
            format_func=lambda minutes: _EVERY.get(minutes, f"every {minutes} minutes"),
            help="The scheduler on this machine does it, whether a page is open or not.",
        )
        if not st.form_submit_button("Keep the rules", type="primary"):
            return
    with report_errors():
        kept = Watch(rules=rules, check_every_minutes=every)
        keep_watch(cache.workspace(), kept, name_visitor())
        if every:
            ensure_scheduler(cache.workspace())
        check_again()
        tell_after_rerun("The rules are kept.")
        st.rerun()


def _show_rule(rule: Rule) -> Rule:
    """Draw the levels and the time of a rule; returns it as they stand."""
    measure = rule.measure
    scale = 100.0 if measure.unit in ("share", "points") else 1.0
    unit = _UNITS.get(measure.unit, "")
    digits = {"distance": 2, "index": 2, "share": 1, "points": 1}.get(measure.unit, 0)
    places = st.columns(3)
    levels = []
    for place, name, limit in zip(
        places, ("warning", "critical"), (rule.warning, rule.critical), strict=False
    ):
        key = f"monitoring.{rule.name}.{name}"
        if key not in st.session_state:  # only a field that begins with nothing can be emptied
            st.session_state[key] = None if limit is None else round(limit * scale, 4)
        value = place.number_input(
            f"{measure.title}, {name} {'below' if measure.is_low else 'from'}{unit}",
            min_value=0.0,
            value=None,
            format=f"%.{digits}f",
            step=0.05 if digits == 2 else 1.0,
            key=key,
            help=f"{measure.meaning[0].upper()}{measure.meaning[1:]}."
            if name == "warning"
            else None,
        )
        levels.append(None if value is None else value / scale)
    hours = places[2].number_input(
        f"{measure.title}, over hours",
        min_value=1,
        max_value=MOST_HOURS,
        value=rule.hours,
        key=f"monitoring.{rule.name}.hours",
    )
    return replace(rule, warning=levels[0], critical=levels[1], hours=int(hours))


def show_alarms(page: MonitoringPage) -> None:
    """Draw the alarms that have not ended with the way to end them, and the history."""
    for alarm in page.alarms:
        if alarm.ended is None:
            _show_standing(alarm)
    _show_history(page.alarms)


@st.fragment
def _show_history(alarms: Sequence[Alarm]) -> None:
    """Draw all alarms as a table, once they are asked for."""
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
            }
        )
        st.dataframe(table, hide_index=True, alt=f"{count(len(alarms), 'alarm')}, newest first")


def _show_standing(alarm: Alarm) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        colour = "red" if alarm.level == "critical" else "orange"
        st.markdown(f":{colour}-badge[{alarm.level}] **{plain(alarm.title)}**: {plain(alarm.text)}")
        if cache.edit_button(
            "End",
            key=f"monitoring.end.{alarm.number}",
            help="It begins anew at the next check while its cause is still there.",
        ):
            end_alarm(cache.workspace(), alarm.number, name_browser())
            tell_after_rerun("The alarm has ended.")
            st.rerun()
