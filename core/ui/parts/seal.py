"""The seal on test photos: opening the answers of a run to them is deliberate and counted."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import PlaceRefused, RunMissing
from core.formats import count, moment
from core.runs.store import Opening, RunRecord, read_openings, record_opening
from core.ui.parts import cache
from core.ui.visitor import name_visitor


def is_opened(run_id: str) -> bool:
    """Return whether this visitor opened the test photos of a run today (for viewers: anyone did).

    A page that is loaded again does not ask again, so that each opening is a decision.
    """
    openings = read_openings(cache.workspace(), run_id)
    if cache.workspace().read_only or st.session_state.get(f"test_opened.{run_id}"):
        return bool(openings)
    since, (_, _, who) = datetime.now(UTC) - timedelta(days=1), name_visitor().rpartition(" · ")
    own = (one for one in openings if one.who.endswith(who) and one.opened > since)
    return any(one.place.startswith("page") for one in own)


def find_sealed(run_id: str) -> np.ndarray:
    """Return the photos whose answers must stay hidden, (n,) bool."""
    splits = cache.result(run_id).splits
    return np.asarray((splits == "test") & (not is_opened(run_id)))


def ask_before_test(*runs: RunRecord) -> None:
    """End the page with a button until the test photos of the runs are opened."""
    sealed = [run for run in runs if not is_opened(run.id)]
    if not sealed:
        return
    with st.container(border=True):
        st.subheader("The test split is sealed", anchor=False)
        st.write(
            "Test photos measure a finished model fairly because they were not used to choose "
            "anything. Open them once, after you have chosen your model."
        )
        st.caption(_describe_sealed(sealed))
        show_opening([run.id for run in sealed])
    st.stop()


def show_opening(run_ids: Sequence[str]) -> None:
    """Draw the button that opens the test photos of the runs, for editors only."""
    icon = ":material/lock_open:"
    cache.edit_button("Open the test split", icon=icon, on_click=open_test, args=(run_ids,))


def show_openings(run: RunRecord) -> None:
    """Draw how often the test photos of the run were opened, with an access log."""
    openings = read_openings(cache.workspace(), run.id)
    if not openings:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"Test photos of this run: opened {_describe_openings(openings)}."
        st.caption(words, width="content")
        with st.popover("Access log", icon=":material/lock_open:", type="tertiary"):
            table = pd.DataFrame(
                {
                    "Opened": [moment(one.opened) for one in openings],
                    "Where": [one.place for one in openings],
                    "By": [one.who for one in openings],
                }
            )
            alt = "Openings, the latest first"
            st.dataframe(table.iloc[::-1], hide_index=True, width=460, alt=alt)


def _describe_sealed(runs: Sequence[RunRecord]) -> str:
    """Return how often the test photos of the runs were opened, in words."""
    opened = [read_openings(cache.workspace(), run.id) for run in runs]
    if not any(opened):
        words = "Never opened."
    elif len(runs) == 1:
        words = f"Opened {_describe_openings(opened[0])}."
    else:
        words = f"Opened for {sum(map(bool, opened))} of {count(len(runs), 'run')}."
    return f"{words} Each opening is counted."


def _describe_openings(openings: Sequence[Opening]) -> str:
    when = moment(openings[0].opened)
    return f"once, {when}" if len(openings) == 1 else f"{len(openings):,} times, first {when}"


def open_test(run_ids: Sequence[str]) -> None:
    """Open the test photos of the runs for this session; each opening is counted."""
    path = urlsplit(st.context.url or "").path.strip("/")
    for run_id in run_ids:
        with suppress(RunMissing, PlaceRefused):  # deleted, or the workspace is read-only
            place = f"page {path or 'overview'}"
            record_opening(cache.workspace(), run_id, name_visitor(), place)
        st.session_state[f"test_opened.{run_id}"] = True
