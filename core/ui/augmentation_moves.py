"""The strip of the augmentation page: which settings destroy the label, as a finished run sees it.

The run answers with OpenVINO, as on the page Predict; its features say how far a draw has moved.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.augmentation import FLIPPED, KEPT, draw_moves, draw_parts
from core.errors import PetalscopeError
from core.formats import count, percent, plain
from core.prediction.moving import Moves, Ruler, measure_moves, measure_ruler
from core.runs.store import list_runs
from core.ui import cache
from core.ui.augmentation_controls import name_part, write_amount
from core.ui.augmentation_draws import Drawn, draw_step, list_steps, name_photo
from core.ui.dataset_cards import show_table_behind
from core.ui.frame import is_dark, page_file
from core.ui.messages import show_random_banner
from core.ui.pickers import describe_run
from core.ui.state import keep_choice, read_choice
from data.augmentation import augment_part
from data.dataset import Dataset
from data.policy import LIMITS, AugmentationPolicy
from models.extraction import features_id, read_features

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_NOBODY = "nobody"
_ASKED = "augmentation.answered"


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
    stated = read_choice("asked")
    options = [*runs, _NOBODY]
    asked = st.selectbox(
        "Ask a run",
        options,
        index=options.index(stated) if stated in options else 0,
        format_func=lambda key: describe_run(runs[key]) if key in runs else "nobody",
        key="augmentation.asked",
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
    result = cache.result(run_id)
    classes = result.classes
    moves = [(one, _measure(run_id, one.photo, one.draws)) for one in drawn]
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
    splits = result.splits if result.dataset_id == dataset.id else dataset.splits
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
    st.caption(" ".join(_say_answer(one, moved, classes, splits) for one, moved in moves))
    show_table_behind(table.round(3), "The draws as a table")


def show_parts(dataset: Dataset, photo: int, policy: AugmentationPolicy) -> None:
    """Draws each part alone, from its least amount to its largest, and where the answer flips."""
    scopes = {"range": "Parts of this policy", "limits": "All parts, as far as they go"}
    stated = read_choice("scope")
    scope = st.segmented_control(
        "How far",
        list(scopes),
        default=stated if stated in scopes else "range",
        format_func=scopes.__getitem__,
        key="augmentation.scope",
        required=True,
        label_visibility="collapsed",
    )
    keep_choice("scope", scope)
    whole = scope == "limits"
    names = list(LIMITS) if whole else list(policy.parts)
    if not names:
        st.info("This policy does nothing: switch a part on, or look at all parts.")
        return
    run_id = pick_asked(dataset)
    steps = _list_pictures(dataset, photo, policy, names, whole=whole)
    place = st.empty()
    if run_id is not None:
        if st.session_state.get(_ASKED) != (
            run_id,
            photo,
            scope,
        ):  # it takes seconds the first time
            _draw_steps(place, name_photo(dataset, photo), steps)
        steps = _ask_about(run_id, dataset, photo, steps)
        st.session_state[_ASKED] = (run_id, photo, scope)
    _draw_steps(place, name_photo(dataset, photo), steps)
    table = steps[["part", "amount", "distance", "answer"]].set_index("part")
    show_table_behind(table, "The parts as a table")


def _draw_steps(place: "DeltaGenerator", name: str, steps: pd.DataFrame) -> None:
    asked = bool(steps["state"].any())
    flipped = int((steps["state"] == FLIPPED).sum())
    chart = draw_parts(
        steps,
        title=f"{name}: {flipped} of {count(len(steps), 'change')} flip the answer"
        if asked
        else f"{name}: each part alone",
        subtitle="below each picture: amount, and cosine distance from the photo as it is"
        if asked
        else "below each picture: its amount",
        dark=is_dark(),
    )
    alt = "Pictures of each part alone; amounts and answers stand in the table below."
    place.altair_chart(chart, theme=None, width="content", alt=alt)


def _list_pictures(
    dataset: Dataset, photo: int, policy: AugmentationPolicy, names: Sequence[str], *, whole: bool
) -> pd.DataFrame:
    packed, digest = np.array(dataset.photos[photo]), str(dataset.manifest["sha256"].iat[photo])
    rows = []
    for name in names:
        for step, amount in enumerate(list_steps(policy, name, whole=whole)):
            rows.append(
                {
                    "name": name,
                    "part": name_part(name),
                    "step": step,
                    "number": amount,
                    "amount": write_amount(name, amount),
                    "picture": draw_step(digest, name, amount, packed),
                }
            )
    return pd.DataFrame(rows).assign(distance="", state="", answer="", mark="")


def _ask_about(run_id: str, dataset: Dataset, photo: int, steps: pd.DataFrame) -> pd.DataFrame:
    packed = np.array(dataset.photos[photo])
    classes = cache.result(run_id).classes
    pieces = []
    for name, rows in steps.groupby("name", sort=False):  # a part at a time: each is kept by itself
        draws = [augment_part(packed, str(name), amount) for amount in rows["number"]]
        moved = _measure(run_id, packed, draws)
        pieces.append(
            rows.assign(
                distance=[f"{distance:.3f}" for distance in moved.distances],
                state=np.where(moved.kept, KEPT, FLIPPED),
                answer=[classes[number] for number in moved.answers],
                mark=[
                    f"{distance:.2f}" if kept else f"{distance:.2f} {classes[number]}"[:14]
                    for distance, kept, number in zip(
                        moved.distances, moved.kept, moved.answers, strict=True
                    )
                ],
            )
        )
    return pd.concat(pieces)


def _measure(run_id: str, photo: np.ndarray, draws: Sequence[np.ndarray]) -> Moves:
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


def _say_answer(one: Drawn, moved: Moves, classes: Sequence[str], splits: np.ndarray) -> str:
    split = splits[one.number]
    answer = plain(classes[moved.answer], 24)
    learnt = ", which it was trained on" if split == "train" else ""
    said = f"{answer} ({percent(moved.score, 100)})"
    return f"{plain(one.name, 30)} ({split}{learnt}) as it is: {said}."
