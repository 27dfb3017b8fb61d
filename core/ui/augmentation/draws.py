"""Draws of the augmentation page, made as training makes them; each part alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.formats import data_uri, plain
from core.runs.recipe.settings import MOST_SEED
from core.ui.augmentation.controls import name_part, write_amount
from core.ui.augmentation.reading import ALONE, AugmentationPage
from core.ui.parts.charts import show_table_behind
from core.ui.parts.state import bind_choice, keep_choice
from data.augmentation import augment, augment_part, draw_parts
from data.images import encode_jpeg
from data.policy import LIMITS, AugmentationPolicy

_WIDTH_ALONE, _WIDTH_AMONG = 116, 90
"""Pixels of a picture, so that a row fits beside the controls."""
_THREADS = 2
STEPS = 7


@dataclass(frozen=True, eq=False)
class Drawn:
    """A photo and its draws."""

    number: int
    name: str
    photo: np.ndarray
    draws: list[np.ndarray]


def show_draws(page: AugmentationPage) -> list[Drawn]:
    """Return the photos and their draws; draw the grid."""
    _show_which(page)
    drawn = make_draws(page)
    pictures = [picture for one in drawn for picture in (one.photo, *one.draws)]
    with ThreadPoolExecutor(_THREADS) as pool:
        files = pool.map(write_picture, pictures)
        for one in drawn:
            _show_row(page, one, list(islice(files, page.amount + 1)))
    _show_what_was_drawn(page, drawn[0])
    return drawn


def _show_row(page: AugmentationPage, one: Drawn, files: Sequence[str]) -> None:
    """Draw a photo and its draws, as many side by side as there is room for."""
    alone, split = page.amount == ALONE, page.dataset.splits[one.number]
    names = [str(page.first + draw + 1) for draw in range(page.amount)]
    captions = [f"**{plain(one.name, 18)}**" if alone else "**as it is**", *names]
    alts = [f"{one.name} ({split}), as it is", *(f"{one.name}, draw {name}" for name in names)]
    if not alone:
        st.caption(f"**{plain(one.name, 40)}** · {split}")
    width = _WIDTH_ALONE if alone else _WIDTH_AMONG
    with st.container(horizontal=True, gap="small"):
        for file, caption, alt in zip(files, captions, alts, strict=True):
            st.image(file, caption=caption, width=width, alt=alt)


def make_draws(page: AugmentationPage) -> list[Drawn]:
    """Return the photos and their draws: those of views and epochs."""
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


def write_picture(picture: np.ndarray, side: int | None = None) -> str:
    """Return the JPEG of a picture as a data URI, made smaller where a side is given."""
    image = Image.fromarray(picture)
    if side is not None:
        image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2)
    return data_uri(encode_jpeg(image, 88), "image/jpeg")


def list_steps(policy: AugmentationPolicy, name: str, *, whole: bool) -> list[float]:
    """Return the amounts of a part from one end to the other: of its limits, or of its range."""
    part, limits = policy.parts.get(name), LIMITS[name]
    if name.endswith("_flip"):
        return [1.0]
    if whole or part is None:
        return [float(amount) for amount in np.linspace(limits.least, limits.most, STEPS)]
    return [float(amount) for amount in np.linspace(part.low, part.high, STEPS)]


@st.cache_data(max_entries=2048, show_spinner=False)
def draw_step(photo_id: str, name: str, amount: float, _photo: np.ndarray) -> str:
    """Return the picture of a photo with one part done to it, small; `photo_id` is its key."""
    del photo_id
    return write_picture(augment_part(_photo, name, amount), side=112)


def _show_which(page: AugmentationPage) -> None:
    """Draw which draws are shown, the way to others, and the seed."""
    seed, first, amount = page.seed, page.first, page.amount
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"Draws {first + 1} to {first + amount}, the very ones a run with seed {seed} sees."
        )
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


def _show_what_was_drawn(page: AugmentationPage, one: Drawn) -> None:
    digest, policy = str(page.dataset.manifest["sha256"].iat[one.number]), page.policy
    rows = []
    for draw in range(page.first, page.first + page.amount):
        parts = draw_parts(policy, seed=page.seed, photo_id=digest, draw=draw)
        written = {
            name_part(name): write_amount(name, parts[name].amount) if name in parts else "–"
            for name in policy.parts
        }
        rows.append({"draw": draw + 1, **written})
    table = pd.DataFrame(rows).set_index("draw")
    show_table_behind(table, f"What was drawn for {plain(one.name)}")
