"""Which run and which dataset a page is about, and whose a run is: one rule for all pages.

First what the address says (`run`; links of before have `watch`), then what this visitor chose in
this session, then the newest run of their own, then the newest finished one. What another visitor's
run does is shown to nobody who did not ask for it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.classroom import read_class
from core.errors import PetalscopeError
from core.formats import plain
from core.runs.store import RunRecord, list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, settle_choice
from core.ui.visitor.visitor import find_class, name_visitor

RUN, _BEFORE = "run", "watch"
_DATASET = "dataset"
MISSING_RUN = ":orange[The link names a run that is not here; this is another one.]"
_GIVEN = "run.given"
"""Page and run that the rule gave there: that it is in the address is nobody's choice."""


def list_done(dataset_id: str | None = None) -> list[RunRecord]:
    """Return the finished runs, of one dataset or of all, the newest first."""
    return [run for run in list_runs(cache.workspace(), dataset_id) if run.state == "done"]


def choose_run(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the run that a page is about, now in the address; None where nobody's may be shown."""
    asked = read_asked_run()
    run = next((run for run in runs if run.id == asked), None) or find_default(runs)
    if run is not None:
        st.session_state[_GIVEN] = "" if run.id == asked else _name_given(run.id)
        if st.query_params.get(RUN) != run.id:  # to write what is there takes newer ones out
            st.query_params[RUN] = run.id
    return run


def find_default(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the visitor's first run, going ones first; else the first done or of nobody."""
    visitor = name_visitor()
    own = [run for run in runs if run.submitter == visitor]
    wishes = (
        *(run for run in own if run.is_going),
        *own,
        *(run for run in runs if run.state == "done" or not run.submitter),
    )
    return next(iter(wishes), None)


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
    class_id = find_class()
    usual = read_class(cache.workspace(), class_id).dataset if class_id else ""
    return settle_choice(_DATASET, datasets, usual if usual in datasets else datasets[0])


def is_own(run: RunRecord) -> bool:
    """Return whether this visitor submitted the run, or nobody in particular did."""
    return run.submitter in ("", name_visitor())


def open_endings(run: RunRecord) -> AbstractContextManager[DeltaGenerator | None]:
    """Return where the buttons that end a run stand: None for one's own, folded for others'."""
    if is_own(run):
        return nullcontext()
    place = st.popover("Stop or delete", icon=":material/person:", type="tertiary")
    place.caption(
        f"Submitted by {plain(run.submitter, 60)}, not from this browser: what you end here ends "
        "for them, too."
    )
    return place


def _read_link() -> str | None:
    if before := st.query_params.pop(_BEFORE, None):
        st.query_params.setdefault(RUN, before)
    linked = st.query_params.get(RUN)
    return linked if linked and _name_given(linked) != st.session_state.get(_GIVEN) else None


def _name_given(run_id: str) -> str:
    return f"{urlsplit(st.context.url or '').path} {run_id}"
