"""The exact head on screen: opened, or made while a bar shows it, and what is said of it."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.datasets.edits.tray import list_edits, resolve_edits
from core.errors import BackboneMissing, FeaturesMissing
from core.evaluation.intervals import wilson_interval
from core.exact.store import KIND, HeadSource, find_source, measure_agreement, open_head
from core.exact.whatif import foretell
from core.formats import count, interval, percent, plain, points, points_range
from core.instant.head import ExactHead
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import show_making
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import title_run
from data.dataset import Dataset

METHOD = (
    "The exact head is the best linear head by a formula (ridge regression on the kept features), "
    "so other labels or other photos need no training. How strongly it is held back (λ) was "
    "chosen on training photos alone, by leaving each out once. λ and the scale of the features "
    "stay as they are while you ask."
)
ALIKE_FROM = 0.9
"""Share of equal answers below which an answer is said to be about the exact head."""


def open_exact_head(find: Callable[[], HeadSource]) -> tuple[HeadSource, ExactHead] | None:
    """Return what `find` finds with its head; without one draw why, or how far it is."""
    try:
        source = find()
    except (BackboneMissing, FeaturesMissing) as error:
        st.info(f"{plain(error.problem)} {plain(error.remedy)}", icon=":material/neurology:")
        link_page("training", "Train a run", "model_training")
        return None
    head = _open(source.id)
    if head is None:
        make_by_head(source, KIND, "Preparing the exact head")
        return None
    if source.weights == "random":
        show_random_banner()
    return source, head


def make_by_head(source: HeadSource, kind: str, name: str, *, below: str = "") -> None:
    """Draw how far the job is that makes an analysis resting on a head; see `show_making`."""
    start = partial(source.start, cache.workspace(), kind)
    show_making(source.identify(kind), name, start, below=below)


def say_engine(source: HeadSource, head: ExactHead) -> None:
    """Draw which engine speaks, and how often a run of the same photos answers alike."""
    found = _find_agreement(source, head)
    words = f"By the exact head on the features “{plain(source.label)}”"
    if found is None:
        words += ". No run has learned from these photos yet to compare it with."
    else:
        run, same, n = found
        share = f"{percent(same / n, n)} of the validation photos"
        words += f", which answers like {plain(title_run(run))} on {share} "
        words += f"({interval(*wilson_interval(same, n), n)})."
        if same < ALIKE_FROM * n:
            words += " :orange[Below 90 %: what is said here is about the exact head.]"
    st.caption(words, help=METHOD)


def foretell_tray(dataset: Dataset) -> tuple[str, str] | None:
    """Return in a few words what the waiting edits would do, and how that is known; None while no
    head is ready."""
    edits = list_edits(cache.workspace(), dataset.id)
    return _foretell(dataset.id, tuple(edit.number for edit in edits))


@cache.cached_by(cache.analyses_written, most=4)
def _foretell(dataset_id: str, edits: tuple[int, ...]) -> tuple[str, str] | None:
    dataset = cache.dataset(dataset_id)
    waiting = [one for one in list_edits(cache.workspace(), dataset_id) if one.number in edits]
    try:
        head = _open(find_source(cache.workspace(), dataset).id)
    except FeaturesMissing:
        return None
    if head is None:
        return None
    compared = foretell(head, dataset, resolve_edits(dataset, waiting)).comparison
    if not compared.n:
        return None
    ends = points_range(*compared.interval, compared.n)
    between = f"95 % interval {ends} points, " if compared.gained + compared.lost else ""
    known = f"{between}n = {count(compared.n, 'validation photo')}. {METHOD}"
    return f": {points(compared.difference, compared.n)} foretold", known


@cache.cached_by(cache.analyses_written, most=4)
def _open(head_id: str) -> ExactHead | None:
    return open_head(cache.workspace(), head_id)


def _find_agreement(source: HeadSource, head: ExactHead) -> tuple[RunRecord, int, int] | None:
    """Return the run that learned from the same photos, and on how many both answer alike."""
    for run in list_runs(cache.workspace(), source.dataset.id):
        if run.state != "done" or source.run not in ("", run.id):
            continue
        result = cache.result(run.id)
        same, n = measure_agreement(head, result)
        if n and np.array_equal(result.photo_numbers("train"), source.train):
            return run, same, n
    return None
