"""The page Monitoring: alarms, rules, and drift with the photos behind it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.drift import FALSE_ALARMS
from core.formats import count, moment, percent, plain
from core.monitoring.drift import VersionDrift, describe_drift, describe_photo
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.readings import Reading, State, describe_levels, describe_reading
from core.monitoring.rules import Alarm
from core.runs.queue.scheduled import read_check_minutes
from core.ui.monitoring.reading import MonitoringPage, check_again
from core.ui.parts import cache
from core.ui.parts.charts import show_table_behind
from core.ui.parts.messages import show_problem
from data.images import read_packed_photo

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
        f"**{plain(reading.rule.title)}**",
        plain(describe_reading(reading)),
        plain(describe_levels(reading.rule)),
    )
    return f"| {' | '.join(cells)} |"


def _show_history(alarms: Sequence[Alarm]) -> None:
    """Draw all alarms as a table."""
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
    alt = f"{count(len(alarms), 'alarm')}, newest first"
    show_table_behind(table, f"Alarms so far: {len(alarms)}", hide_index=True, alt=alt)


_SHOWN = 8
_IN_A_ROW = 4


def show_drift(page: MonitoringPage) -> None:
    """Draw whether the photos of the version differ from its reference."""
    st.subheader(
        "Have the photos changed?",
        anchor=False,
        help="The newest photos of the period, each once, against the validation photos stored "
        "with the version. Kolmogorov-Smirnov distance and population stability index, with "
        f"{percent(FALSE_ALARMS, 100)} false alarms in total (Bonferroni).",
    )
    if page.version is None:
        st.caption(
            "Only registered versions have a reference. Register a run and make it the champion "
            "on the page Models."
        )
        return
    try:
        found = page.read_drift(page.version)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    lines = [plain(line) for line in describe_drift(found)]
    if found.drift is None:
        st.info(lines[0], icon=":material/hourglass_empty:")
        return
    if not found.drift.proven:
        st.success(lines[0], icon=":material/check_circle:")
    else:
        text = "\n".join(f"- {line}" for line in lines)
        n = f"n = {found.drift.n:,}, reference {found.drift.m:,}"
        st.warning(f"**The photos have changed** ({n}).\n\n{text}", icon=":material/trending_up:")
    with st.expander("Details", icon=":material/table:"):
        st.dataframe(
            found.drift.columns.sort_values("distance", ascending=False),
            hide_index=True,
            column_config={"distance": st.column_config.ProgressColumn(format="%.2f", max_value=1)},
            alt="All measures, the largest distance first",
        )
        st.dataframe(found.drift.mix.table, hide_index=True, alt="The mix of classes")
    if found.drift.proven:
        st.markdown("**Photos behind the change**")
        rows = found.photos.index[:_SHOWN]
        for start in range(0, len(rows), _IN_A_ROW):
            for place, row in zip(
                st.columns(_IN_A_ROW), rows[start : start + _IN_A_ROW], strict=False
            ):
                with place:
                    _show_driver(found, int(row))


def _show_driver(found: VersionDrift, row: int) -> None:
    photo = found.photos.loc[row]
    content = read_kept_photo(cache.workspace(), str(photo["photo"]))
    if content is not None:
        st.image(read_packed_photo(content)[0], width="stretch")
    note = "" if content else " · photo not stored"
    words = describe_photo(found, row) or "unusual only in its features"
    st.markdown(
        f"**{plain(str(photo['top']), 40)}** {percent(float(photo['top_score']), 1)}  \n"
        f"{plain(words)}"
    )
    st.caption(f"{moment(photo['time'].to_pydatetime())} · {photo['source']}{note}")
