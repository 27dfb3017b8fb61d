"""The augmentation page: controls on the left, draws of photos on the right.

Below the draws, a finished run shows which of them destroy the label.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.formats import count, data_uri, percent, plain
from core.prediction.nearest import Moves, Ruler
from core.runs.recipe.recipe import SETTINGS
from core.runs.recipe.settings import MOST_SEED
from core.ui.augmentation.charts import FLIPPED, KEPT, draw_moves, draw_parts
from core.ui.augmentation.controls import name_part, show_controls, write_amount
from core.ui.augmentation.reading import (
    ALONE,
    MOST,
    NOBODY,
    SCOPES,
    WAYS,
    AugmentationPage,
    keep_photos,
    read_augmentation_page,
)
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.messages import report_errors, show_random_banner
from core.ui.parts.pickers import name_runs, pick_named, pick_one
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.wall import Wall, read_chosen, show_wall
from data.augmentation import augment, augment_part
from data.augmentation import draw_parts as draw_amounts
from data.dataset import Dataset
from data.images import encode_jpeg
from data.policy import LIMITS, AugmentationPolicy

_WALL = "augmentation_wall"
_PER_PAGE = 24
_WIDTH_ALONE, _WIDTH_AMONG = 116, 90
"""Width of a picture in pixels, so that a row fits next to the controls."""
_THREADS = 2
_STEPS = 7


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
            _show_run(page)
            _show_moves(page, drawn)
            more = st.expander(
                "More: each part alone",
                expanded=page.view == "parts",
                key="augmentation.more",
                on_change="rerun",
            )
            if more.open:
                with more:
                    _show_parts(page)


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
        parts = draw_amounts(policy, seed=page.seed, photo_id=digest, draw=draw)
        written = {
            name_part(name): write_amount(name, parts[name].amount) if name in parts else "–"
            for name in policy.parts
        }
        rows.append({"draw": draw + 1, **written})
    return pd.DataFrame(rows).set_index("draw")


def write_picture(picture: np.ndarray, side: int | None = None) -> str:
    """Return the JPEG of a picture as a data URI, resized if a side is given."""
    image = Image.fromarray(picture)
    if side is not None:
        image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2)
    return data_uri(encode_jpeg(image, 88), "image/jpeg")


def _show_run(page: AugmentationPage) -> None:
    """Draw the choice of the run that scores the draws, or the way to train one."""
    if not page.runs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Train a run on this dataset to see which draws change the predicted class.")
            link_page("training", "Train a model", "model_training")
        return
    pick_named(
        "Score with",
        name_runs(page.runs.values()) | {NOBODY: "no run"},
        help="The backbone of the run measures how far each draw moves the photo; its head shows "
        "whether the predicted class changes.",
        **bind_choice("asked", page.asked or NOBODY, key="augmentation.asked"),
    )
    if page.asked and page.runs[page.asked].recipe.weights == "random":
        show_random_banner()


def _show_moves(page: AugmentationPage, drawn: Sequence[Drawn]) -> None:
    """Draw the distance of each draw from its photo, and whether the predicted class changes."""
    if page.asked is None:
        return
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


def _show_parts(page: AugmentationPage) -> None:
    """Draw each part alone, from its least amount to its largest."""
    pick_one("Range", SCOPES, bind_choice("scope", page.scope, key="augmentation.scope"))
    names = list(LIMITS) if page.scope == "limits" else list(page.policy.parts)
    if not names:
        st.info("This policy does nothing. Switch a part on, or show all parts.")
        return
    steps = pd.concat([_list_steps(page, name) for name in names], ignore_index=True)
    title, subtitle = "each part alone", "below each picture: its amount"
    if page.asked is not None:
        flipped = int((steps["state"] == FLIPPED).sum())
        title = f"{flipped} of {count(len(steps), 'change')} change the predicted class"
        subtitle = "below each picture: amount, and cosine distance from the original"
    title = f"{page.name_photo(page.photos[0])}: {title}"
    chart = draw_parts(steps, title=title, subtitle=subtitle, dark=is_dark())
    alt = "Pictures of each part alone; the table below has amounts and predicted classes."
    st.altair_chart(chart, theme=None, width="content", alt=alt)
    table = steps[["part", "amount", "distance", "predicted"]].set_index("part")
    show_table_behind(table, "The parts as a table")


def _list_steps(page: AugmentationPage, name: str) -> pd.DataFrame:
    """Return the pictures of a part from end to end, with the predictions of the chosen run."""
    photo = page.photos[0]
    original = page.read_photo(photo)
    digest = str(page.dataset.manifest["sha256"].iat[photo]) + page.framing
    amounts = list_amounts(page.policy, name, whole=page.scope == "limits")
    steps = pd.DataFrame({"step": range(len(amounts)), "part": name_part(name)}).assign(
        amount=[write_amount(name, amount) for amount in amounts],
        picture=[_draw_step(digest, name, amount, original) for amount in amounts],
    )
    if page.asked is None:
        return steps.assign(distance="", state="", predicted="", mark="")
    moved = page.measure(original, [augment_part(original, name, one) for one in amounts])
    return steps.assign(
        distance=[f"{distance:.3f}" for distance in moved.distances],
        state=np.where(moved.kept, KEPT, FLIPPED),
        predicted=[page.result.classes[number] for number in moved.answers],
        mark=[f"{distance:.2f}" for distance in moved.distances],
    )


def list_amounts(policy: AugmentationPolicy, name: str, *, whole: bool) -> list[float]:
    """Return the amounts of a part from end to end of its limits, or of its range."""
    part, limits = policy.parts.get(name), LIMITS[name]
    if name.endswith("_flip"):
        return [1.0]
    ends = (limits.least, limits.most) if whole or part is None else (part.low, part.high)
    return [float(amount) for amount in np.linspace(*ends, _STEPS)]


@st.cache_data(max_entries=2048, show_spinner=False)
def _draw_step(photo_id: str, name: str, amount: float, _photo: np.ndarray) -> str:
    """Return the small picture of a photo with one part applied; `photo_id` is its key."""
    del photo_id
    return write_picture(augment_part(_photo, name, amount), side=112)
