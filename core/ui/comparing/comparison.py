"""The comparison of two or more runs: which, on which photos, and whether the difference is real.

The runs live in the URL as `compare`, the baseline first. Each of the others is compared with it on
the photos that both were judged by.
"""

from collections.abc import Iterable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import PetalscopeError
from core.evaluation.comparison import (
    Comparison,
    adjust_holm,
)
from core.formats import count, plain
from core.runs.common_photos import CommonPhotos
from core.runs.store import RunRecord, list_runs
from core.ui.comparing.compared import show_class_changes, show_curves, show_photos, show_recipes
from core.ui.comparing.reading import compare_runs
from core.ui.comparing.verdict import show_compared_table, show_headline
from core.ui.parts import cache
from core.ui.parts.pickers import title_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import keep_choice, read_choice
from data.splits import SPLITS

MOST_RUNS = 24
"""Runs that are compared at once: more could not be told apart by eye."""


def show_comparison() -> None:
    """Draws the comparison of the runs that the URL names; says so if they are fewer than two."""
    runs = _read_runs()
    if len(runs) < 2:
        if read_choice("compare") is not None:
            st.caption(":orange[A comparison needs two runs that are here.]")
            _show_close()
        return
    st.subheader(f"{count(len(runs), 'run')} compared", anchor=False)
    done = [run for run in runs if run.state == "done"]
    split = _show_choices(runs, done)
    verdict = st.container()
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        show_recipes(runs)
    with right.container(border=True):
        show_curves(runs)
    if split is None or runs[0] not in done:
        st.info(
            "Photos are compared once the baseline and another run are done.",
            icon=":material/hourglass_top:",
        )
        return
    if split == "test":
        ask_before_test(*done)
    _show_answers(runs[0], done[1:], split, verdict)


def _read_runs() -> list[RunRecord]:
    """Returns the runs of the URL, the baseline first; says which are not there any more."""
    stated = list(dict.fromkeys((read_choice("compare") or "").split(",")))
    known = {run.id: run for run in list_runs(cache.workspace())}
    runs = [known[one] for one in stated if one in known]
    gone = [one for one in stated if one and one not in known]
    if gone:
        st.caption(f":orange[{count(len(gone), 'run')} of the link cannot be found here.]")
    if len(runs) > MOST_RUNS:
        st.caption(f":orange[Only the first {MOST_RUNS} of {len(runs)} runs are compared.]")
    return runs[:MOST_RUNS]


def _show_choices(runs: Sequence[RunRecord], done: Sequence[RunRecord]) -> str | None:
    """Draws baseline, split and the end of the comparison; returns the split, None without one."""
    names = {run.id: title_run(run) for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = "runs.baseline"
        st.session_state[key] = runs[0].id
        st.selectbox(
            "Baseline",
            list(names),
            key=key,
            format_func=names.__getitem__,
            on_change=lambda: _choose_baseline(st.session_state[key], list(names)),
            help="The run that all others are compared with.",
            width=320,
        )
        split = _pick_split(done) if len(done) > 1 else None
        _show_close()
    return split


def _show_close() -> None:
    st.button(
        "Close",
        icon=":material/close:",
        key="runs.close",
        type="tertiary",
        on_click=lambda: keep_choice("compare", None),
    )


def _choose_baseline(baseline: str, ids: list[str]) -> None:
    keep_choice("compare", ",".join([baseline, *(one for one in ids if one != baseline)]))


def _pick_split(done: Sequence[RunRecord]) -> str:
    splits = cache.result(done[0].id).splits
    present = [split for split in SPLITS if (splits == split).any()]
    stated = read_choice("split")
    default = "validation" if "validation" in present else present[0]
    key = "runs.split"
    st.session_state[key] = stated if stated in present else default
    return str(
        st.segmented_control(
            "Split",
            present,
            key=key,
            on_change=lambda: keep_choice("split", st.session_state[key]),
            help="Only photos that both runs have in this split are compared. Validation photos "
            "chose each run's best epoch. Test photos chose nothing: open them last.",
            required=True,
        )
    )


def _show_answers(
    baseline: RunRecord, others: Sequence[RunRecord], split: str, verdict: DeltaGenerator
) -> None:
    compared: dict[str, tuple[RunRecord, CommonPhotos, Comparison]] = {}
    for run in others:
        try:
            compared[run.id] = (run, *compare_runs(baseline.id, run.id, split))
        except PetalscopeError as error:  # one whose files are gone must not hide the others
            st.caption(f":orange[{plain(title_run(run))}: {plain(error.problem)}]")
    if not compared:
        return
    with verdict:
        p_values = dict(zip(compared, _adjust(one[2] for one in compared.values()), strict=True))
        if len(compared) > 1:
            show_compared_table(baseline, list(compared.values()), list(p_values.values()))
        beside = _pick_other(baseline, {one: what[0] for one, what in compared.items()})
        run, common, comparison = compared[beside]
        show_headline(baseline, run, common, comparison, p_values[beside])
    if comparison.gained + comparison.lost + comparison.both_wrong == 0:
        return
    with st.container(border=True):
        show_class_changes(baseline, run, comparison)
    show_photos(run, common)


def _adjust(comparisons: Iterable[Comparison]) -> list[float]:
    return [float(p) for p in adjust_holm([one.p_value for one in comparisons])]


def _pick_other(baseline: RunRecord, others: dict[str, RunRecord]) -> str:
    """Returns which run is looked at beside the baseline; asks only where there are several."""
    ids = list(others)
    if len(ids) == 1:
        return ids[0]
    key = "runs.beside"
    stated = read_choice("beside")
    st.session_state[key] = stated if stated in ids else ids[0]
    return str(
        st.selectbox(
            f"Look closer at, beside {title_run(baseline)}",
            ids,
            key=key,
            format_func=lambda one: title_run(others[one]),
            on_change=lambda: keep_choice("beside", st.session_state[key]),
            width=420,
        )
    )
