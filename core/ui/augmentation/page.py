"""The augmentation page: controls on the left, what they do to photos on the right.

Below: which settings destroy the label, as a finished run sees it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count, percent, plain
from core.prediction.nearest import Moves, Ruler
from core.runs.recipe.recipe import SETTINGS
from core.ui.augmentation.charts import FLIPPED, KEPT, draw_moves, draw_parts
from core.ui.augmentation.controls import name_part, show_controls, write_amount
from core.ui.augmentation.draws import Drawn, draw_step, list_steps, show_draws
from core.ui.augmentation.reading import (
    MOST,
    NOBODY,
    SCOPES,
    VIEWS,
    WAYS,
    AugmentationPage,
    keep_photos,
    read_augmentation_page,
)
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.messages import report_errors, show_random_banner
from core.ui.parts.pickers import name_runs, pick_named, pick_one
from core.ui.parts.state import bind_choice
from core.ui.wall import Wall, read_chosen, show_wall
from data.augmentation import augment_part
from data.dataset import Dataset
from data.policy import LIMITS

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


_WALL = "augmentation_wall"
_PER_PAGE = 24
_ANSWERED = "augmentation.answered"


@st.fragment
def show_augmentation(dataset: Dataset) -> None:
    """Draw the whole page of a dataset.

    It is a fragment: moving a slider redraws this alone, not the frame and the list of datasets.
    """
    with report_errors():  # a fragment's errors do not reach those of its page
        page = read_augmentation_page(dataset)
        left, right = st.columns([5, 9], gap="small")
        with left:
            show_controls(page)
        with right:
            _show_photo_choice(page)
            with st.container(horizontal=True, gap="small"):
                pick_one("View", VIEWS, bind_choice("view", page.view, key="augmentation.view"))
                bound = bind_choice("framing", page.framing, key="augmentation.framing")
                pick_one(SETTINGS["framing"].label, SETTINGS["framing"].choices, bound)
            if page.view == "parts":
                show_parts(page)
                return
            drawn = show_draws(page)
            show_asked(page)
            show_moves(page, drawn)


def _show_photo_choice(page: AugmentationPage) -> None:
    """Draw how the photos are chosen: one, several, or one of each class."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        way = bind_choice("show", page.way, key="augmentation.show", then=keep_photos)
        pick_one("Photos", WAYS, way)
        st.button(
            "Another" if page.way == "one" else "Others",
            icon=":material/shuffle:",
            type="tertiary",
            key="augmentation.others",
            on_click=keep_photos,
        )
        if page.way != "classes" and st.button(
            "Choose", icon=":material/photo_library:", type="tertiary", key="augmentation.choose"
        ):
            _choose(page.dataset, 1 if page.way == "one" else MOST)


@st.dialog("Choose photos", width="large")
def _choose(dataset: Dataset, most: int) -> None:
    present = [dataset.classes[label] for label in np.unique(dataset.labels)]
    name = st.selectbox("Class", ["all classes", *present], key="augmentation.class")
    photos = dataset.photo_numbers(class_name=None if name == "all classes" else name)
    show_wall(dataset, photos, Wall(_WALL, opens=False, per_page=_PER_PAGE))
    chosen = read_chosen(_WALL, dataset.id)
    if len(chosen) > most:
        st.caption(f"Of {len(chosen)} the {'first is' if most == 1 else f'first {most} are'} used.")
    if st.button("Use them", type="primary", disabled=not chosen, key="augmentation.use"):
        keep_photos(chosen[:most])
        st.rerun()


def show_asked(page: AugmentationPage) -> None:
    """Draw which run is asked, or the way to train one."""
    if not page.runs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Which settings destroy the label? A run of this dataset can tell.")
            link_page("training", "Train one", "model_training")
        return
    pick_named(
        "Ask a run",
        name_runs(page.runs.values()) | {NOBODY: NOBODY},
        help="Its backbone says how far each draw moved, its head whether the answer stays.",
        **bind_choice("asked", page.asked or NOBODY, key="augmentation.asked"),
    )
    if page.asked and page.runs[page.asked].recipe.weights == "random":
        show_random_banner()


def show_moves(page: AugmentationPage, drawn: Sequence[Drawn]) -> None:
    """Draw how far each draw moved, beside the ruler, and whether the run's answer flipped."""
    if page.asked is None:
        return
    moves = [(one, page.measure(one.photo, one.draws)) for one in drawn]
    rows = [
        {
            "photo": one.name,
            "draw": page.first + place + 1,
            "distance": moved.distances[place],
            "state": KEPT if moved.kept[place] else FLIPPED,
            "answer": page.result.classes[moved.answers[place]],
            "score": moved.scores[place],
        }
        for one, moved in moves
        for place in range(len(one.draws))
    ]
    table, ruler = pd.DataFrame(rows), page.ruler
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
    st.caption(" ".join(_say_answer(page, one.number, moved) for one, moved in moves))
    show_table_behind(table.round(3), "The draws as a table")


def show_parts(page: AugmentationPage) -> None:
    """Draw each part alone, from its least amount to its largest, and where the answer flips."""
    pick_one("How far", SCOPES, bind_choice("scope", page.scope, key="augmentation.scope"))
    names = list(LIMITS) if page.scope == "limits" else list(page.policy.parts)
    if not names:
        st.info("This policy does nothing: switch a part on, or look at all parts.")
        return
    show_asked(page)
    steps = _list_pictures(page, names)
    said, place = st.empty(), st.empty()
    if page.asked is not None:
        question = (page.asked, page.dataset.id, page.photos[0], page.scope)
        if st.session_state.get(_ANSWERED) != question:  # it takes seconds the first time
            _draw_steps(place, page, steps)
        steps, as_it_is = _ask_about(page, steps)
        said.caption(as_it_is)
        st.session_state[_ANSWERED] = question
    _draw_steps(place, page, steps)
    table = steps[["part", "amount", "distance", "answer"]].set_index("part")
    show_table_behind(table, "The parts as a table")


def _draw_steps(place: "DeltaGenerator", page: AugmentationPage, steps: pd.DataFrame) -> None:
    title, subtitle = "each part alone", "below each picture: its amount"
    if steps["state"].any():
        flipped = int((steps["state"] == FLIPPED).sum())
        title = f"{flipped} of {count(len(steps), 'change')} flip the answer"
        subtitle = "below each picture: amount, and cosine distance from the photo as it is"
    title = f"{page.name_photo(page.photos[0])}: {title}"
    chart = draw_parts(steps, title=title, subtitle=subtitle, dark=is_dark())
    alt = "Pictures of each part alone; amounts and answers stand in the table below."
    place.altair_chart(chart, theme=None, width="content", alt=alt)


def _list_pictures(page: AugmentationPage, names: Sequence[str]) -> pd.DataFrame:
    photo, whole = page.photos[0], page.scope == "limits"
    packed = page.read_photo(photo)
    digest = str(page.dataset.manifest["sha256"].iat[photo]) + page.framing
    rows = [
        {
            "name": name,
            "part": name_part(name),
            "step": step,
            "number": amount,
            "amount": write_amount(name, amount),
            "picture": draw_step(digest, name, amount, packed),
        }
        for name in names
        for step, amount in enumerate(list_steps(page.policy, name, whole=whole))
    ]
    return pd.DataFrame(rows).assign(distance="", state="", answer="", mark="")


def _ask_about(page: AugmentationPage, steps: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the steps with what the run answers to each, and its answer to the photo as it is."""
    photo = page.photos[0]
    packed = page.read_photo(photo)
    pieces, said = [], ""
    for name, rows in steps.groupby("name", sort=False):  # a part at a time: each is kept by itself
        draws = [augment_part(packed, str(name), amount) for amount in rows["number"]]
        moved = page.measure(packed, draws)
        said = said or _say_answer(page, photo, moved)
        pieces.append(
            rows.assign(
                distance=[f"{distance:.3f}" for distance in moved.distances],
                state=np.where(moved.kept, KEPT, FLIPPED),
                answer=[page.result.classes[number] for number in moved.answers],
                mark=[f"{distance:.2f}" for distance in moved.distances],
            )
        )
    return pd.concat(pieces), said


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
        f"nearest of the same class {ruler.same:.3f} away, of another {ruler.other:.3f}"
        + (f" (among {ruler.drawn:,}, drawn at random)." if ruler.drawn else ".")
    )


def _say_answer(page: AugmentationPage, number: int, moved: Moves) -> str:
    """Return what the run answers to the photo as it is, which flips are measured against."""
    result, dataset = page.result, page.dataset
    split = (result if result.dataset_id == dataset.id else dataset).splits[number]
    learnt = ", which it was trained on" if split == "train" else ""
    said = f"{plain(result.classes[moved.answer], 24)} ({percent(moved.score, 100)})"
    return f"{plain(page.name_photo(number), 30)} ({split}{learnt}) as it is: {said}."
