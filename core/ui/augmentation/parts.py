"""Each part of a policy alone on the augmentation page, and where it flips the answer of a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count
from core.ui.augmentation.charts import FLIPPED, KEPT, draw_parts
from core.ui.augmentation.controls import name_part, write_amount
from core.ui.augmentation.draws import draw_step, list_steps, name_photo
from core.ui.augmentation.moves import measure, pick_asked, say_answer
from core.ui.parts import cache
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice, read_choice
from data.augmentation import augment_part
from data.dataset import Dataset
from data.policy import LIMITS, AugmentationPolicy

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_ANSWERED = "augmentation.answered"
"""Key of what was asked last: the run, the dataset, the photo and how far."""


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
    said, place = st.empty(), st.empty()
    if run_id is not None:
        question = (run_id, dataset.id, photo, scope)
        if st.session_state.get(_ANSWERED) != question:  # it takes seconds the first time
            _draw_steps(place, name_photo(dataset, photo), steps)
        steps, as_it_is = _ask_about(run_id, dataset, photo, steps)
        said.caption(as_it_is)
        st.session_state[_ANSWERED] = question
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


def _ask_about(
    run_id: str, dataset: Dataset, photo: int, steps: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Returns the steps with what the run answers to each, and its answer to the photo as it is."""
    packed = np.array(dataset.photos[photo])
    classes = cache.result(run_id).classes
    pieces, said = [], ""
    for name, rows in steps.groupby("name", sort=False):  # a part at a time: each is kept by itself
        draws = [augment_part(packed, str(name), amount) for amount in rows["number"]]
        moved = measure(run_id, packed, draws)
        said = said or say_answer(dataset, photo, moved, run_id)
        pieces.append(
            rows.assign(
                distance=[f"{distance:.3f}" for distance in moved.distances],
                state=np.where(moved.kept, KEPT, FLIPPED),
                answer=[classes[number] for number in moved.answers],
                mark=[f"{distance:.2f}" for distance in moved.distances],
            )
        )
    return pd.concat(pieces), said
