"""The exact head on screen: opened or computed, and its agreement with a run."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.errors import BackboneMissing, FeaturesMissing
from core.evaluation.intervals import wilson_interval
from core.exact.head import ExactHead
from core.exact.store import KIND, HeadSource, measure_agreement, open_head
from core.formats import interval, percent, plain
from core.runs.store import RunRecord, list_trained
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import show_making
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import title_run

METHOD = (
    "The exact head is ridge regression in closed form on the cached features, so other labels or "
    "photos need no training. Its penalty λ was chosen on training photos by leave-one-out."
)
ALIKE_FROM = 0.9
"""Share of equal predictions below which a warning is drawn."""


def open_exact_head(find: Callable[[], HeadSource]) -> tuple[HeadSource, ExactHead] | None:
    """Return the source that `find` returns, with its head; without a head draw the progress."""
    try:
        source = find()
    except (BackboneMissing, FeaturesMissing) as error:
        st.info(f"{plain(error.problem)} {plain(error.remedy)}", icon=":material/neurology:")
        link_page("training", "Train a run", "model_training")
        return None
    head = open_known_head(source.id)
    if head is None:
        make_by_head(source, KIND, "Preparing the exact head")
        return None
    if source.weights == "random":
        show_random_banner()
    return source, head


def make_by_head(source: HeadSource, kind: str, name: str, *, below: str = "") -> None:
    """Draw the progress of a job that needs a head; see `show_making`."""
    start = partial(source.start, cache.workspace(), kind)
    show_making(source.identify(kind), name, start, below=below)


def say_engine(source: HeadSource, head: ExactHead) -> None:
    """Draw that the exact head predicts, and how often a run on the same photos agrees."""
    found = find_agreement(source, head)
    words = f"Computed with the exact head on the features “{plain(source.label)}”."
    if found is not None:
        run, same, n = found
        agreement = f"{percent(same / n, n)} ({interval(*wilson_interval(same, n), n)})"
        words += f" It agrees with {plain(title_run(run))} on {agreement} of the validation photos."
        if same < ALIKE_FROM * n:
            words += f" :orange[This describes the exact head, not {plain(title_run(run))}.]"
    st.caption(words, help=METHOD)


@cache.cached_by(cache.analyses_written, most=4)
def open_known_head(head_id: str) -> ExactHead | None:
    """Return an exact head if it was computed."""
    return open_head(cache.workspace(), head_id)


def find_agreement(source: HeadSource, head: ExactHead) -> tuple[RunRecord, int, int] | None:
    """Return a run trained on the same photos, with the number of equal predictions and n."""
    for run in list_trained(cache.workspace(), source.dataset.id):
        if run.state != "done" or source.run not in ("", run.id):
            continue
        result = cache.result(run.id)
        same, n = measure_agreement(head, result)
        if n and np.array_equal(result.photo_numbers("train"), source.train):
            return run, same, n
    return None
