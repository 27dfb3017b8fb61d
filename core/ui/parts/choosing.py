"""Which run and which dataset a page is about: one rule for all pages.

First what the address says (`run`; links of before have `watch`), then the choice of this session,
then the newest unfinished run, then the newest finished one.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

import streamlit as st

from core.errors import PetalscopeError
from core.runs.store import RunRecord, list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, settle_choice

RUN, _BEFORE = "run", "watch"
_DATASET = "dataset"
MISSING_RUN = ":orange[The link names a run that is not here; this is another one.]"
_GIVEN = "run.given"
"""Page and run that the rule gave there: that it is in the address is nobody's choice."""


def list_done(dataset_id: str | None = None) -> list[RunRecord]:
    """Return the finished runs, of one dataset or of all, the newest first."""
    return [run for run in list_runs(cache.workspace(), dataset_id) if run.state == "done"]


def choose_run(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the run that a page is about, now in the address; None: there is none."""
    asked = read_asked_run()
    run = next((run for run in runs if run.id == asked), None) or find_default(runs)
    if run is not None:
        st.session_state[_GIVEN] = "" if run.id == asked else _name_given(run.id)
        if st.query_params.get(RUN) != run.id:  # to write what is there takes newer ones out
            st.query_params[RUN] = run.id
    return run


def find_default(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the first running run, else the first waiting or done, else the first."""
    failed = ("failed", "lost")
    return min(runs, key=lambda run: (not run.is_going, run.state in failed), default=None)


def read_asked_run() -> str | None:
    """Return the run that the address names, else the one chosen in this session; None: neither."""
    linked, chosen = _read_link(), st.session_state.get(f"chosen.{RUN}")
    if linked is None or linked == chosen:
        return chosen
    if _DATASET in st.query_params:  # the link names both
        keep_choice(RUN, linked)
    else:
        change_run(linked)
    return linked


def change_run(run_id: str) -> None:
    """Choose a run, and its dataset with it: what a link, a click or a new run does."""
    keep_choice(RUN, run_id)
    try:
        dataset = read_run(cache.workspace(), run_id).recipe.dataset
    except PetalscopeError:  # it is gone: the page says so
        return
    if cache.workspace().dataset_folder(dataset).exists():
        st.session_state[f"chosen.{_DATASET}"] = dataset
        if _DATASET in st.query_params:
            st.query_params[_DATASET] = dataset


def forget_run() -> None:
    """Let go of a choice that is not here any more; what the page shows instead stays."""
    st.session_state.pop(f"chosen.{RUN}", None)


def choose_dataset(datasets: Sequence[str]) -> str:
    """Return the dataset that a page is about, now in the address; a link to a run names its."""
    linked = _read_link()
    if linked is not None and _DATASET not in st.query_params:
        change_run(linked)
    return settle_choice(_DATASET, datasets, datasets[0])


def _read_link() -> str | None:
    if before := st.query_params.pop(_BEFORE, None):
        st.query_params.setdefault(RUN, before)
    linked = st.query_params.get(RUN)
    return linked if linked and _name_given(linked) != st.session_state.get(_GIVEN) else None


def _name_given(run_id: str) -> str:
    return f"{urlsplit(st.context.url or '').path} {run_id}"
