"""When a challenger is trained by itself: what holds, and the form that changes it."""

from datetime import UTC, datetime

import streamlit as st

from core.errors import PetalscopeError
from core.installed import COMMAND
from core.monitoring.retraining_state import describe_times, keep_times, read_times
from core.runs.queue.retraining_times import MOST_DAYS, MOST_PHOTOS, RetrainingTimes
from core.runs.queue.scheduled import wake_for_arranged
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.state import name_visitor

_PHOTOS, _DAYS = 40, 7


@st.fragment
def show_times() -> None:
    """Draws when challengers are trained without a person, and lets one arrange it."""
    with report_errors(), st.container(border=True):  # a fragment's errors do not reach its page
        times = read_times(cache.workspace())
        st.markdown("**Retrain by itself**")
        st.caption(describe_times(times, datetime.now(UTC)))
        with st.popover("Arrange", icon=":material/schedule:", width="stretch"):
            _show_form(times)
        if times.by_itself:
            st.caption(
                "The scheduler on this machine keeps it, whether a page is open or not. After a "
                f"restart it wakes with the page, the API or “{COMMAND} retrain status”; a "
                "time that was missed meanwhile is made up for once."
            )


def _show_form(times: RetrainingTimes) -> None:
    # Outside of a form, so that a switch opens its number; without keys, so that what another
    # person arranged meanwhile shows.
    after = st.toggle("After reviewed photos", times.after_photos is not None)
    photos = st.number_input(
        "Photos that wait", 1, MOST_PHOTOS, times.after_photos or _PHOTOS, disabled=not after
    )
    every = st.toggle("Every so many days", times.every_days is not None)
    days = st.number_input("Days", 1, MOST_DAYS, times.every_days or _DAYS, disabled=not every)
    zone = _choose_zone(times)
    at = st.time_input(
        f"Time of day ({zone})",
        times.time_of_day,
        step=300,
        disabled=not every,
    )
    if st.button("Keep", type="primary", key="review.times.keep", width="stretch"):
        _keep(
            RetrainingTimes(
                after_photos=int(photos) if after else None,
                every_days=int(days) if every else None,
                at=f"{at:%H:%M}",
                zone=zone,
                since=datetime.now(UTC),
            )
        )


def _choose_zone(times: RetrainingTimes) -> str:
    """Returns the zone that was arranged, else the reader's."""
    if times.every_days is not None:
        return times.zone
    return st.context.timezone or "UTC"


def _keep(times: RetrainingTimes) -> None:
    try:
        kept = keep_times(cache.workspace(), times, name_visitor())
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    wake_for_arranged(cache.workspace())
    tell_after_rerun(describe_times(kept, datetime.now(UTC)))
    st.rerun()
