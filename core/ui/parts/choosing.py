"""Which run and which dataset a page is about: one rule for all pages.

First the run that the address names (`run`; old links say `watch`), then the choice of this
session, then the newest run of the dataset in hand: an unfinished one where the page can show it.
A person who chose the newest run follows the newest: their choice ends with the next finished run.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

import streamlit as st

from core.errors import PetalscopeError
from core.formats import plain
from core.runs.store import RunRecord, list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_stated, refuse_link, settle_choice

RUN, _BEFORE = "run", "watch"
_DATASET = "dataset"
_CHOSEN_RUN, _CHOSEN_DATASET = f"chosen.{RUN}", f"chosen.{_DATASET}"
_NEWEST = "run.newest"
"""The chosen run, if no finished run of its dataset was newer then."""
_GIVEN = "run.given"
"""Page and run that the rule gave there: no person chose the run that the address names."""


def list_done(dataset_id: str | None = None, *, with_model: bool = False) -> list[RunRecord]:
    """Return the finished runs of one dataset or of all, the newest first.

    `with_model`: without added predictions.
    """
    runs = [run for run in list_runs(cache.workspace(), dataset_id) if run.state == "done"]
    return [run for run in runs if run.recipe.has_model or not with_model]


def choose_run(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the run that a page is about and write it into the address; None without runs."""
    asked = read_asked_run()
    run = next((run for run in runs if run.id == asked), None) or find_default(runs)
    if run is not None:
        st.session_state[_GIVEN] = "" if run.id == asked else _name_given(run.id)
        if st.query_params.get(RUN) != run.id:  # to write what is there takes newer ones out
            st.query_params[RUN] = run.id
    return run


def find_default(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Return the first running run, else the first of the dataset in hand that did not fail."""
    in_hand = st.session_state.get(_CHOSEN_DATASET)

    def rank(run: RunRecord) -> tuple[bool, bool, bool]:
        failed = run.state in ("failed", "lost")
        return not run.is_going, run.recipe.dataset != in_hand, failed

    return min(runs, key=rank, default=None)


def read_asked_run() -> str | None:
    """Return the run that the address names, else the one chosen in this session, if any."""
    _drop_outdated()
    linked, chosen = _read_link(), st.session_state.get(_CHOSEN_RUN)
    if linked is None or linked == chosen:
        return chosen
    change_run(linked, with_dataset=_DATASET not in st.query_params)
    return linked


def change_run(run_id: str, *, with_dataset: bool = True) -> None:
    """Choose a run, and its dataset unless the link names one."""
    try:
        dataset = read_run(cache.workspace(), run_id).recipe.dataset
    except PetalscopeError:  # it was deleted: the page says so
        return
    keep_choice(RUN, run_id)
    st.session_state[_NEWEST] = None if _find_newer(run_id) else run_id
    if with_dataset and cache.workspace().dataset_folder(dataset).exists():
        st.session_state[_CHOSEN_DATASET] = dataset
        if _DATASET in st.query_params:
            st.query_params[_DATASET] = dataset


def forget_run() -> None:
    """Drop a choice that does not exist any more; the run that the page shows instead stays."""
    st.session_state.pop(_CHOSEN_RUN, None)


def report_missing(asked: str, shown: RunRecord | None) -> None:
    """Report that a run is gone and which one is shown; a link (None `shown`) ends the page."""
    if shown is None:
        refuse_link(f"Run {plain(asked[:6])} is not in this workspace. It may be deleted.", RUN)
    st.caption(f":orange[Run {plain(asked[:6])} was deleted. Showing Run {shown.number}.]")
    forget_run()


def choose_dataset(datasets: Sequence[str]) -> str:
    """Return the dataset that a page is about, now in the address; a link to a run names its."""
    linked = _read_link()
    if linked is not None and _DATASET not in st.query_params:
        change_run(linked)
    return settle_choice(_DATASET, datasets, datasets[0])


def _drop_outdated() -> None:
    """Drop a choice of the newest run once a newer run of its dataset is finished."""
    chosen = st.session_state.get(_CHOSEN_RUN)
    if chosen and chosen == st.session_state.get(_NEWEST) and _find_newer(chosen):
        forget_run()
        if st.query_params.get(RUN) == chosen:
            st.session_state[_GIVEN] = _name_given(chosen)


def _find_newer(run_id: str) -> RunRecord | None:
    """Return a finished run of the same dataset that is newer than this run."""
    runs = list_runs(cache.workspace())
    this = next((run for run in runs if run.id == run_id), None)
    if this is None:
        return None
    newer = runs[: runs.index(this)]
    same = [run for run in newer if run.recipe.dataset == this.recipe.dataset]
    return next((run for run in same if run.state == "done"), None)


def _read_link() -> str | None:
    if before := st.query_params.pop(_BEFORE, None):
        st.query_params.setdefault(RUN, before)
    linked = read_stated(RUN)
    return linked if linked and _name_given(linked) != st.session_state.get(_GIVEN) else None


def _name_given(run_id: str) -> str:
    return f"{urlsplit(st.context.url or '').path} {run_id}"
