"""The strip of the augmentation page: which settings destroy the label, as a finished run sees it.

The run answers with OpenVINO, as on the page Predict; its features say how far a draw has moved.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, percent, plain
from core.prediction.moving import Moves, Ruler, measure_moves, measure_ruler
from core.runs.store import list_runs
from core.ui.augmentation.charts import FLIPPED, KEPT, draw_moves
from core.ui.augmentation.draws import Drawn, name_photo
from core.ui.parts import cache
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark, page_file
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset
from models.extraction import features_id, read_features

_NOBODY = "nobody"
_ASKED = "augmentation.asked"


def pick_asked(dataset: Dataset) -> str | None:
    """Returns the run that is asked what it makes of the draws, or None."""
    wanted = {dataset.id, dataset.parent}
    runs = {run.id: run for run in list_runs(cache.workspace()) if run.state == "done"}
    runs = {key: run for key, run in runs.items() if run.recipe.dataset in wanted}
    if not runs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Which settings destroy the label? A run of this dataset can tell.")
            st.page_link(page_file("training"), label="Train one", icon=":material/model_training:")
        return None
    options = [*runs, _NOBODY]
    if st.session_state.get(_ASKED) not in options:  # first visit, other dataset, or deleted since
        stated = read_choice("asked")
        st.session_state[_ASKED] = stated if stated in options else options[0]
    asked = st.selectbox(
        "Ask a run",
        options,
        format_func=lambda key: describe_run(runs[key]) if key in runs else "nobody",
        key=_ASKED,
        help="Its backbone says how far each draw moved, its head whether the answer stays.",
    )
    keep_choice("asked", asked)
    if asked == _NOBODY:
        return None
    if runs[asked].recipe.weights == "random":
        show_random_banner()
    return str(asked)


def show_moves(dataset: Dataset, drawn: Sequence[Drawn], run_id: str | None) -> None:
    """Draws how far each draw moved, beside the ruler, and whether the run's answer flipped."""
    if run_id is None:
        return
    classes = cache.result(run_id).classes
    moves = [(one, measure(run_id, one.photo, one.draws)) for one in drawn]
    rows = [
        {
            "photo": one.name,
            "draw": one.first + place + 1,
            "distance": moved.distances[place],
            "state": KEPT if moved.kept[place] else FLIPPED,
            "answer": classes[moved.answers[place]],
            "score": moved.scores[place],
        }
        for one, moved in moves
        for place in range(len(one.draws))
    ]
    table = pd.DataFrame(rows)
    ruler = _read_ruler(dataset, run_id)
    flipped = int((table["state"] == FLIPPED).sum())
    title = f"{flipped} of {count(len(table), 'draw')} flip the answer"
    chart = draw_moves(
        table,
        same=ruler.same if ruler else None,
        other=ruler.other if ruler else None,
        title=title,
        dark=is_dark(),
    )
    st.altair_chart(chart, theme=None, alt=f"{title}; the same numbers stand in the table below.")
    st.markdown(_say_moves(table, ruler))
    st.caption(" ".join(say_answer(dataset, one.number, moved, run_id) for one, moved in moves))
    show_table_behind(table.round(3), "The draws as a table")


def measure(run_id: str, photo: np.ndarray, draws: Sequence[np.ndarray]) -> Moves:
    """Returns what the run makes of a photo and of its draws."""
    return _measure_once(run_id, np.stack([photo, *draws]))


@st.cache_data(max_entries=256, show_spinner="Asking the run …")
def _measure_once(run_id: str, pictures: np.ndarray) -> Moves:
    return measure_moves(cache.predictor(run_id), pictures[0], list(pictures[1:]))


def _read_ruler(dataset: Dataset, run_id: str) -> Ruler | None:
    return _read_ruler_once(dataset.id, run_id)


@st.cache_data(max_entries=16, show_spinner=False)
def _read_ruler_once(dataset_id: str, run_id: str) -> Ruler | None:
    """Returns the ruler from features that are kept; None where there are none (any more)."""
    facts = cache.predictor(run_id).backbone_facts
    try:
        kept = features_id(dataset_id, facts.id, facts.precision)
        features = read_features(cache.workspace(), kept)
    except PetalscopeError:
        return None
    return None if features is None else measure_ruler(features, cache.dataset(dataset_id).labels)


def _say_moves(table: pd.DataFrame, ruler: Ruler | None) -> str:
    median = float(table["distance"].median())
    if ruler is None:
        return f"In the median a draw moves {median:.3f}."
    where = (
        "it stays nearer than the nearest photo of its class usually lies"
        if median < ruler.same
        else "that is farther than the nearest photo of another class: little is left of it"
        if median > ruler.other
        else "that is about as far as the nearest photo of its class usually lies"
    )
    return (
        f"In the median a draw moves **{median:.3f}**: {where}. Medians of {ruler.n:,} photos: the "
        f"nearest of the same class {ruler.same:.3f} away, of another {ruler.other:.3f}."
    )


def say_answer(dataset: Dataset, number: int, moved: Moves, run_id: str) -> str:
    """Returns what the run answers to the photo as it is, which flips are measured against."""
    result = cache.result(run_id)
    splits = result.splits if result.dataset_id == dataset.id else dataset.splits
    split = splits[number]
    answer = plain(result.classes[moved.answer], 24)
    learnt = ", which it was trained on" if split == "train" else ""
    said = f"{answer} ({percent(moved.score, 100)})"
    return f"{plain(name_photo(dataset, number), 30)} ({split}{learnt}) as it is: {said}."
