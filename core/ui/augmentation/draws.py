"""Draws of the augmentation page: the grid beside the photo as it is, and each part alone.

Pictures are made by the function that training calls, with the numbers that training gives it.
"""

import base64
import io
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.formats import plain
from core.runs.recipe.settings import MOST_SEED
from core.ui.augmentation.controls import name_part, write_amount
from core.ui.parts.charts import show_table_behind
from core.ui.parts.state import keep_choice, read_choice, read_number
from data.augmentation import augment, augment_part, draw_parts
from data.dataset import Dataset
from data.policy import LIMITS, AugmentationPolicy

_ALONE = 11
_AMONG = 4
"""Draws of one photo, and of each of several."""
_WIDTHS = {_ALONE: 116, _AMONG: 90}
"""Draws of a photo → width of a picture in pixels, so that a row fits beside the controls."""
_THREADS = 2
_MOST_DRAW = 10_000
STEPS = 7
"""Amounts of a part that is shown alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A photo and its draws."""

    number: int
    name: str
    """Class and number, as plain text."""
    photo: np.ndarray
    first: int
    """Number of the first draw, from 0 as in training; people count from 1."""
    draws: list[np.ndarray]


def show_draws(dataset: Dataset, photos: Sequence[int], policy: AugmentationPolicy) -> list[Drawn]:
    """Returns the photos and their draws; draws the grid."""
    amount = _ALONE if len(photos) == 1 else _AMONG
    seed, first = _pick_draws(amount)
    drawn = make_draws(dataset, photos, policy, seed=seed, first=first, amount=amount)
    pictures = [picture for one in drawn for picture in (one.photo, *one.draws)]
    with ThreadPoolExecutor(_THREADS) as pool:
        files = list(pool.map(write_picture, pictures))
    for place, one in enumerate(drawn):
        start = place * (amount + 1)
        _show_row(one, files[start : start + amount + 1], str(dataset.splits[one.number]))
    _show_what_was_drawn(dataset, drawn[0].number, policy, seed, first, amount)
    return drawn


def _show_row(one: Drawn, files: Sequence[str], split: str) -> None:
    """Draws a photo and its draws, as many side by side as there is room for."""
    alone = len(one.draws) == _ALONE
    names = [str(one.first + draw + 1) for draw in range(len(one.draws))]
    captions = [f"**{plain(one.name, 18)}**" if alone else "**as it is**", *names]
    alts = [f"{one.name} ({split}), as it is", *(f"{one.name}, draw {name}" for name in names)]
    if not alone:
        st.caption(f"**{plain(one.name, 40)}** · {split}")
    with st.container(horizontal=True, gap="small"):
        for file, caption, alt in zip(files, captions, alts, strict=True):
            st.image(file, caption=caption, width=_WIDTHS[len(one.draws)], alt=alt)


def make_draws(
    dataset: Dataset,
    photos: Sequence[int],
    policy: AugmentationPolicy,
    *,
    seed: int,
    first: int,
    amount: int,
) -> list[Drawn]:
    """Returns photos and their draws `first`, `first` + 1, …: those of views and epochs."""
    packed, digests = dataset.photos, dataset.manifest["sha256"]
    originals = [np.array(packed[number]) for number in photos]

    def make(place: int, draw: int) -> np.ndarray:
        digest = str(digests.iat[photos[place]])
        return augment(originals[place], policy, seed=seed, photo_id=digest, draw=draw)

    wanted = [
        (place, draw) for place in range(len(photos)) for draw in range(first, first + amount)
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        made = list(pool.map(make, *zip(*wanted, strict=True)))
    return [
        Drawn(
            number=number,
            name=name_photo(dataset, number),
            photo=originals[place],
            first=first,
            draws=made[place * amount : (place + 1) * amount],
        )
        for place, number in enumerate(photos)
    ]


def name_photo(dataset: Dataset, number: int) -> str:
    """Returns class and number of a photo, which tell it from all others."""
    return f"{dataset.classes[dataset.labels[number]]} #{number}"


def write_picture(picture: np.ndarray, side: int | None = None) -> str:
    """Returns the JPEG of a picture as a data URI, made smaller where a side is given.

    So it travels with the page: the browser need not ask for each picture once more.
    """
    image = Image.fromarray(picture)
    if side is not None:
        image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def list_steps(policy: AugmentationPolicy, name: str, *, whole: bool) -> list[float]:
    """Returns the amounts of a part from one end to the other: of its limits, or of its range."""
    part, limits = policy.parts.get(name), LIMITS[name]
    if name.endswith("_flip"):
        return [1.0]
    if whole or part is None:
        return [float(amount) for amount in np.linspace(limits.least, limits.most, STEPS)]
    return [float(amount) for amount in np.linspace(part.low, part.high, STEPS)]


@st.cache_data(max_entries=2048, show_spinner=False)
def draw_step(photo_id: str, name: str, amount: float, _photo: np.ndarray) -> str:
    """Returns the picture of a photo with one part done to it, small; `photo_id` stands for it."""
    del photo_id
    return write_picture(augment_part(_photo, name, amount), side=112)


def _pick_draws(amount: int) -> tuple[int, int]:
    """Returns seed and number of the first draw that is shown."""
    first, seed = _read_number("first_draw", _MOST_DRAW), _read_number("seed", MOST_SEED)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"Draws {first + 1} to {first + amount}, the very ones a run with seed {seed} sees."
        )
        st.button(
            "Next draws",
            icon=":material/casino:",
            type="tertiary",
            on_click=lambda: keep_choice("first_draw", str(first + amount)),
        )
        if first:
            st.button(
                "First",
                icon=":material/first_page:",
                type="tertiary",
                on_click=lambda: keep_choice("first_draw", None),
            )
        with st.popover(f"Seed {seed}", type="tertiary"):
            st.session_state["augmentation.seed"] = seed
            st.number_input(
                "Seed of the recipe",
                0,
                MOST_SEED,
                key="augmentation.seed",
                on_change=lambda: keep_choice("seed", str(st.session_state["augmentation.seed"])),
            )
    return seed, first


def _read_number(name: str, most: int) -> int:
    stated = read_number(read_choice(name) or "", sys.maxsize)
    return min(stated or 0, most)


def _show_what_was_drawn(
    dataset: Dataset, number: int, policy: AugmentationPolicy, seed: int, first: int, amount: int
) -> None:
    digest = str(dataset.manifest["sha256"].iat[number])
    rows = []
    for draw in range(first, first + amount):
        parts = draw_parts(policy, seed=seed, photo_id=digest, draw=draw)
        written = {
            name_part(name): write_amount(name, parts[name].amount) if name in parts else "–"
            for name in policy.parts
        }
        rows.append({"draw": draw + 1, **written})
    table = pd.DataFrame(rows).set_index("draw")
    show_table_behind(table, f"What was drawn for {plain(name_photo(dataset, number))}")
