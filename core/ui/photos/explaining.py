"""What a run looked at in a photo: the photo and, beside it, Grad-CAM of each class asked for.

How it is drawn is one choice for all places (`explaining.*`); widgets are named after theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.errors import PetalscopeError
from core.formats import plain
from core.prediction.gradcam import DEFAULT_STRENGTH, draw_overlay, draw_scale
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import name_runs, pick_named
from core.ui.parts.seal import find_sealed
from core.ui.parts.state import read_choice
from core.ui.photos.reading import PhotoPage, explainer
from data.dataset import Dataset
from data.images import encode_jpeg

_WIDEST = 320
"""Pixels a picture may take on screen: most have 224, and larger would show none but blur."""
_MEANING = (
    "Grad-CAM: the brighter a place, the more what the network saw there raised the score of the "
    "class. The network sees 7 × 7 places in a photo of 224 px; what spoke against a class is not "
    "drawn. Where a run looks at a photo more than once, its looks lie over each other."
)
_GROUND = "Grey is easier to read: colour on colour cannot be told from a yellow flower."
_SCALE = (
    "Each its own: the strongest place of each class is brightest, so that weak classes can be "
    "seen too. One for all: a class that little spoke for stays dark, so that classes can be "
    "compared."
)
_RUN = "explaining.run"
_KEPT = "explaining"
_GREY, _COLOUR = "grey", "colour"
_OWN, _COMMON = "each its own", "one for all"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How overlays are drawn."""

    strength: float
    """Opacity of the strongest place, in [0, 1]."""
    on_colour: bool
    """The photo below keeps its colours; else it is grey."""
    common_scale: bool
    """All classes are drawn on one scale; else each on its own."""


def draw_explanation(
    run: RunRecord,
    dataset: Dataset,
    photo: int,
    roles: Mapping[int, Sequence[str]],
    *,
    key: str = "explanation",
) -> None:
    """Draw a photo and what spoke for classes (number → words: “true”) and for any other one."""
    result = cache.result(run.id)
    words, scores = dict(roles), result.scores[photo].tolist()
    pictures = st.container()  # drawn first, above what they depend on
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        other = choose_class(
            key, result.classes, result.scores[photo], "What spoke for", list(words)
        )
        if other is not None:
            words.setdefault(other, ())
        drawing = choose_drawing(key, scales=len(words) > 1)
    try:
        asked = explainer(run.id, dataset)
        activations = asked.explain(photo, list(words), common_scale=drawing.common_scale)
        packed = asked.read_photo(photo)
    except PetalscopeError as error:
        with pictures:
            show_problem(error.problem, error.remedy)
        return
    captions = [
        (f"{', '.join(said)}: " if said else "")
        + f"**{plain(result.classes[number], 40)}** {format_share(scores[number])}"
        for number, said in words.items()
    ]
    with pictures:
        draw_overlays(packed, activations, captions, drawing)


show_explanation = st.fragment(draw_explanation)
"""The same where no fragment is drawn yet: changing the strength redraws these photos alone."""


def draw_overlays(
    photo: np.ndarray,
    activations: np.ndarray,
    captions: Sequence[str],
    drawing: Drawing,
) -> None:
    """Draw the photo, one overlay for each class, and how to read the colours.

    Args:
        photo: (224, 224, 3) uint8 RGB.
        activations: (c, 7, 7) float in [0, 1].
        captions: (c,) Markdown.
    """
    pictures = 1 + len(captions)
    row = st.container(horizontal=True, gap="small", width=pictures * _WIDEST)
    places = [row.container() for _ in range(pictures)]
    places[0].image(
        encode_picture(photo), caption="What the model sees", width="stretch", alt="The photo"
    )
    for place, activation, caption in zip(places[1:], activations, captions, strict=False):
        overlay = draw_overlay(photo, activation, drawing.strength, on_colour=drawing.on_colour)
        silent = "" if activation.any() else " · no place spoke for it"
        place.image(
            encode_picture(overlay),
            caption=caption + silent,
            width="stretch",
            alt=f"The photo, coloured where it spoke for {caption}".replace("*", ""),
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("little", width="content")
        st.image(encode_picture(draw_scale()), width=120, alt="From dark violet to light yellow")
        st.caption("much spoke for the class", width="content", help=_MEANING)


def encode_picture(picture: np.ndarray) -> bytes:
    """Return a JPEG of a picture (h, w, 3) uint8 RGB: a tenth of a PNG's bytes and time."""
    return encode_jpeg(picture, 92, subsampling=0)


def show_looked_at(page: PhotoPage) -> None:
    """Draw a switch, off as the first photo takes a second; while on, what a run looked at."""
    if not show_switch(page, "What a run looked at", "panel.explain", "explaining.shown"):
        return
    run = pick_run(page, "panel.run")
    result = cache.result(run.id)
    if say_sealed(run, page.photo):
        return
    true, predicted = int(result.labels[page.photo]), int(result.scores[page.photo].argmax())
    roles = {predicted: ["predicted"]}
    roles.setdefault(true, []).append("true")
    draw_explanation(run, page.dataset, page.photo, roles, key="panel")


def show_switch(page: PhotoPage, label: str, key: str, kept: str) -> bool:
    """Return whether a switch of the panel is on, under `kept`; nothing without a finished run."""
    if not page.runs:
        return False

    def keep() -> None:
        st.session_state[kept] = st.session_state[key]

    on = bool(settle_widget(key, st.session_state.get(kept, False)))
    return st.toggle(label, on, key=key, on_change=keep)


def say_sealed(run: RunRecord, photo: int) -> bool:
    """Return whether the run's answer to a photo must not be shown; say so."""
    sealed = bool(find_sealed(run.id)[photo])
    if sealed:
        st.caption(
            "A test photo of this run: what it answers is sealed. Open the test split on the page "
            "Metrics; each opening is counted."
        )
    return sealed


def pick_run(page: PhotoPage, key: str) -> RunRecord:
    """Return the run chosen in a panel before, else that of the page, else the newest."""
    known = {run.id: run for run in page.runs}
    if len(known) == 1:
        return page.runs[0]
    wishes = (st.session_state.get(_RUN), read_choice("run"), page.runs[0].id)
    run_id = settle_widget(key, next(wish for wish in wishes if wish in known))
    chosen = pick_named(
        "Run",
        name_runs(page.runs),
        index=0 if run_id is None else list(known).index(run_id),
        key=key,
        on_change=partial(_keep_run, key),
        help=f"The finished runs of {page.dataset.name}.",
    )
    return known[chosen]


def _keep_run(key: str) -> None:
    st.session_state[_RUN] = st.session_state[key]


def choose_drawing(key: str, *, scales: bool = True) -> Drawing:
    """Return how overlays are drawn; draw the controls, a scale among them for several classes."""
    kept = Drawing(
        strength=float(st.session_state.get(f"{_KEPT}.strength", DEFAULT_STRENGTH)),
        on_colour=st.session_state.get(f"{_KEPT}.ground") == _COLOUR,
        common_scale=st.session_state.get(f"{_KEPT}.scale") == _COMMON,
    )
    strength = st.slider(
        "Strength",
        0.0,
        1.0,
        settle_widget(f"{key}.strength", kept.strength),
        step=0.05,
        key=f"{key}.strength",
        on_change=partial(_keep, key, "strength"),
        help="0 shows the photo alone, 1 hides it where the class was seen most.",
        width=170,
    )

    def choose(label: str, what: str, options: Sequence[str], second: bool, explained: str) -> bool:
        """Return whether the second of two options is chosen."""
        chosen = st.segmented_control(
            label,
            options,
            default=settle_widget(f"{key}.{what}", options[second]),
            key=f"{key}.{what}",
            on_change=partial(_keep, key, what),
            required=True,
            help=explained,
        )
        return bool(chosen == options[1])

    on_colour = choose("Photo in", "ground", (_GREY, _COLOUR), kept.on_colour, _GROUND)
    common = scales and choose("Scale", "scale", (_OWN, _COMMON), kept.common_scale, _SCALE)
    return Drawing(strength=float(strength), on_colour=on_colour, common_scale=common)


def choose_class(
    key: str, classes: Sequence[str], scores: np.ndarray, label: str, shown: Sequence[int] = ()
) -> int | None:
    """Return the class that a person wants to see as well, the highest score (k,) offered first."""
    order = [int(n) for n in np.argsort(-scores, kind="stable") if int(n) not in shown]
    options = [classes[number] for number in order]
    said = {name: format_share(float(scores[classes.index(name)])) for name in options}
    kept = st.session_state.get(f"{_KEPT}.class")
    default = settle_widget(f"{key}.class", kept if kept in options else None)
    chosen = st.selectbox(
        label,
        options,
        index=None if default is None else options.index(default),
        format_func=lambda option: f"{option} · {said[option]}",
        placeholder="any other class",
        key=f"{key}.class",
        on_change=partial(_keep, key, "class"),
        width=210,
    )
    return None if chosen is None else classes.index(chosen)


def settle_widget(name: str, value: Any) -> Any:
    """Return the default with which a widget, that is drawn next, holds the value.

    State is told only where it differs (then the default is None): it would undo newer choices.
    """
    if name in st.session_state and st.session_state[name] != value:
        st.session_state[name] = value
        return None
    return value


def _keep(key: str, what: str) -> None:
    st.session_state[f"{_KEPT}.{what}"] = st.session_state[f"{key}.{what}"]
