"""The augmentation page: controls on the left, draws of photos on the right.

Below the draws, a finished run shows which of them destroy the label.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.charts.theme import Palette, choose_palette, style_altair, title_params
from core.formats import count, data_uri, percent, plain
from core.prediction.nearest import Moves, Ruler
from core.runs.recipe.recipe import SETTINGS
from core.runs.recipe.settings import MOST_SEED
from core.ui.augmentation.controls import name_part, show_controls, write_amount
from core.ui.augmentation.reading import (
    ALONE,
    MOST,
    WAYS,
    AugmentationPage,
    keep_photos,
    read_augmentation_page,
)
from core.ui.parts.charts import show_folded, show_table_behind
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.messages import report_errors, show_random_banner
from core.ui.parts.pickers import name_runs, pick_named, pick_one
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.wall import Wall, read_chosen, show_wall
from data.augmentation import augment, draw_parts
from data.dataset import Dataset
from data.images import encode_jpeg

_WALL = "augmentation_wall"
_PER_PAGE = 24
_WIDTH_ALONE, _WIDTH_AMONG = 116, 90
"""Width of a picture in pixels, so that a row fits next to the controls."""
_THREADS = 2
KEPT, FLIPPED = "same class", "another class"
_STATES = [KEPT, FLIPPED]
_ROW = 30


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
            bound = bind_choice("framing", page.framing, key="augmentation.framing")
            pick_one(SETTINGS["framing"].label, SETTINGS["framing"].choices, bound)
            drawn = show_draws(page)
            _show_scores(page, drawn)


def _show_photo_choice(page: AugmentationPage) -> None:
    """Draw the choice of photos: one, several, or one of each class."""
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
        st.caption(f"{len(chosen)} photos are selected; the page shows the first {most}.")
    if st.button("Use them", type="primary", disabled=not chosen, key="augmentation.use"):
        keep_photos(chosen[:most])
        st.rerun()


class Drawn(NamedTuple):
    """A photo and its draws."""

    number: int
    name: str
    photo: np.ndarray
    draws: list[np.ndarray]


def show_draws(page: AugmentationPage) -> list[Drawn]:
    """Draw the photos with their draws; return both."""
    seed, first, amount = page.seed, page.first, page.amount
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Draws {first + 1} to {first + amount}, as a run with seed {seed} sees them.")
        ways = [("Next draws", "casino", str(first + amount)), ("First", "first_page", None)]
        for label, icon, draw in ways if first else ways[:1]:
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                on_click=partial(keep_choice, "first_draw", draw),
            )
        with st.popover(f"Seed {seed}", type="tertiary"):
            bound = bind_choice("seed", seed, key="augmentation.seed")
            st.number_input("Seed of the recipe", 0, MOST_SEED, **bound)
    drawn = make_draws(page)
    pictures = [picture for one in drawn for picture in (one.photo, *one.draws)]
    with ThreadPoolExecutor(_THREADS) as pool:
        files = pool.map(write_picture, pictures)
        for one in drawn:
            _show_row(page, one, list(islice(files, amount + 1)))
    show_table_behind(_list_amounts(page, drawn[0]), f"Amounts for {plain(drawn[0].name)}")
    return drawn


def make_draws(page: AugmentationPage) -> list[Drawn]:
    """Return the photos and their draws, the same as in training."""
    digests, amount = page.dataset.manifest["sha256"], page.amount
    originals = {number: page.read_photo(number) for number in page.photos}

    def make(number: int, draw: int) -> np.ndarray:
        digest = str(digests.iat[number])
        return augment(originals[number], page.policy, seed=page.seed, photo_id=digest, draw=draw)

    wanted = [(number, page.first + draw) for number in page.photos for draw in range(amount)]
    with ThreadPoolExecutor(_THREADS) as pool:
        made = pool.map(make, *zip(*wanted, strict=True))
        return [
            Drawn(number, page.name_photo(number), photo, list(islice(made, amount)))
            for number, photo in originals.items()
        ]


def _show_row(page: AugmentationPage, one: Drawn, files: Sequence[str]) -> None:
    """Draw a photo and its draws in as many columns as fit."""
    alone, split = page.amount == ALONE, page.dataset.splits[one.number]
    names = [str(page.first + draw + 1) for draw in range(page.amount)]
    captions = [f"**{plain(one.name, 18)}**" if alone else "**original**", *names]
    alts = [f"{one.name} ({split}), original", *(f"{one.name}, draw {name}" for name in names)]
    if not alone:
        st.caption(f"**{plain(one.name, 40)}** · {split}")
    width = _WIDTH_ALONE if alone else _WIDTH_AMONG
    with st.container(horizontal=True, gap="small"):
        for file, caption, alt in zip(files, captions, alts, strict=True):
            st.image(file, caption=caption, width=width, alt=alt)


def _list_amounts(page: AugmentationPage, one: Drawn) -> pd.DataFrame:
    """Return the amount of each part in each draw of a photo."""
    digest, policy = str(page.dataset.manifest["sha256"].iat[one.number]), page.policy
    rows = []
    for draw in range(page.first, page.first + page.amount):
        parts = draw_parts(policy, seed=page.seed, photo_id=digest, draw=draw)
        written = {
            name_part(name): write_amount(name, parts[name].amount) if name in parts else "–"
            for name in policy.parts
        }
        rows.append({"draw": draw + 1, **written})
    return pd.DataFrame(rows).set_index("draw")


def write_picture(picture: np.ndarray) -> str:
    """Return the JPEG of a picture as a data URI."""
    return data_uri(encode_jpeg(Image.fromarray(picture), 88), "image/jpeg")


def _show_scores(page: AugmentationPage, drawn: Sequence[Drawn]) -> None:
    """Draw the scores of a run, once they are asked for; without a run, the way to train one."""
    if not page.runs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Train a run on this dataset to see which draws change the predicted class.")
            link_page("training", "Train a model", "model_training")
        return
    title, opened = "Which draws change the predicted class?", "asked" in st.query_params
    show_folded(title, partial(_show_moves, page, drawn), "rule", expanded=opened)


def _show_moves(page: AugmentationPage, drawn: Sequence[Drawn]) -> None:
    """Draw the distance of each draw from its photo, and whether the predicted class changes."""
    pick_named(
        "Score with",
        name_runs(page.runs.values()),
        help="The backbone of the run measures how far each draw moves the photo; its head "
        "shows whether the predicted class changes.",
        **bind_choice("asked", page.asked, key="augmentation.asked"),
    )
    if page.runs[page.asked].recipe.weights == "random":
        show_random_banner()
    moves = [(one, page.measure(one.photo, one.draws)) for one in drawn]
    rows = [
        {
            "photo": one.name,
            "draw": page.first + place + 1,
            "distance": moved.distances[place],
            "state": KEPT if moved.kept[place] else FLIPPED,
            "predicted": page.result.classes[moved.answers[place]],
            "score": moved.scores[place],
        }
        for one, moved in moves
        for place in range(len(one.draws))
    ]
    table, ruler = pd.DataFrame(rows), page.ruler
    flipped = int((table["state"] == FLIPPED).sum())
    title = f"{flipped} of {count(len(table), 'draw')} change the predicted class"
    chart = draw_moves(
        table,
        same=ruler.same if ruler else None,
        other=ruler.other if ruler else None,
        title=title,
        dark=is_dark(),
    )
    st.altair_chart(chart, theme=None, alt=f"{title}; the table below has the numbers.")
    st.markdown(_say_moves(table, ruler))
    st.caption(" ".join(_say_prediction(page, one.number, moved) for one, moved in moves))
    show_table_behind(table.round(3), "The draws as a table")


def _say_moves(table: pd.DataFrame, ruler: Ruler | None) -> str:
    median = float(table["distance"].median())
    if ruler is None:
        return f"Median shift {median:.3f} (cosine)."
    if median < ruler.same:
        verdict = "smaller than the distance to the nearest photo of its class"
    elif median > ruler.other:
        verdict = "larger than the distance to the nearest photo of another class: too strong"
    else:
        verdict = "about the distance to the nearest photo of its class"
    among = f"{ruler.drawn:,} random photos" if ruler.drawn else f"{ruler.n:,} photos"
    return (
        f"Median shift **{median:.3f}** (cosine): {verdict}. Median distances to the nearest photo "
        f"of the same class {ruler.same:.3f}, of another class {ruler.other:.3f} (among {among})."
    )


def _say_prediction(page: AugmentationPage, number: int, moved: Moves) -> str:
    """Return the prediction for the original photo, the reference for changes."""
    result, dataset = page.result, page.dataset
    split = (result if result.dataset_id == dataset.id else dataset).splits[number]
    predicted = f"{plain(result.classes[moved.answer], 24)} ({percent(moved.score, 100)})"
    return f"{plain(page.name_photo(number), 30)} ({split}), original: predicted {predicted}."


def draw_moves(
    moves: pd.DataFrame, *, same: float | None, other: float | None, title: str, dark: bool = False
) -> Any:
    """Return a mark for each draw on the axis of cosine distance, a row for each photo.

    Columns photo (name), draw, distance, state (KEPT or FLIPPED), predicted, score. `same` and
    `other`: median distance to the nearest photo of the same class and of another; None if unknown.
    """
    colours = choose_palette(dark)
    rows = list(dict.fromkeys(moves["photo"]))
    farthest = max([float(moves["distance"].max()), same or 0.0, other or 0.0, 0.02])
    scale = alt.Scale(domain=[0, 1.25 * farthest], nice=False)  # room for the words at a rule
    marks = _draw_marks(moves, rows, scale, colours)
    layers = [*_draw_ruler(same, other, colours.quiet, scale), marks]
    heading = title_params(title, "dashed: median distance to the nearest photo")
    return style_altair(alt.layer(*layers), dark, title=heading, height=_ROW * len(rows) + 140)


def _draw_marks(moves: pd.DataFrame, rows: list[str], scale: Any, colours: Palette) -> Any:
    return (
        alt.Chart(moves)
        .mark_point(size=90, filled=True, opacity=0.85)
        .encode(
            x=alt.X("distance:Q", title="cosine distance from the original", scale=scale),
            y=alt.Y("photo:N", sort=rows, title=None, axis=alt.Axis(labelLimit=150)),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=_STATES, range=[colours.right, colours.wrong]),
                legend=alt.Legend(orient="top", title=None, symbolType="circle"),
            ),
            shape=alt.Shape(
                "state:N", scale=alt.Scale(domain=_STATES, range=["circle", "cross"]), legend=None
            ),
            tooltip=[
                alt.Tooltip("photo:N", title="photo"),
                alt.Tooltip("draw:O", title="draw"),
                alt.Tooltip("distance:Q", format=".3f"),
                alt.Tooltip("predicted:N"),
                alt.Tooltip("score:Q", format=".0%"),
            ],
        )
    )


def _draw_ruler(same: float | None, other: float | None, colour: str, scale: Any) -> list[Any]:
    known = [("same class", same), ("another class", other)]
    table = pd.DataFrame([(label, at) for label, at in known if at is not None])
    if table.empty:
        return []
    table.columns = pd.Index(["label", "at"])
    base = alt.Chart(table).encode(x=alt.X("at:Q", scale=scale))
    rules = base.mark_rule(color=colour, strokeDash=[4, 3], strokeWidth=1.5)
    aligned = [("same class", "right", -5), ("another class", "left", 5)]
    texts = [
        base.transform_filter(alt.datum.label == label)
        .mark_text(color=colour, align=align, dx=dx, baseline="top", y=2, fontSize=11)
        .encode(text="label:N")
        for label, align, dx in aligned
    ]
    return [rules, *texts]
