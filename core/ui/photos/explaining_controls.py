"""How explanations are drawn: strength, ground and scale; one choice for all places that explain.

Widgets are named after their place, what they choose is kept once, under `explaining.*`: a page and
the panel of a photo above it show the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.prediction.gradcam import DEFAULT_STRENGTH

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


def choose_drawing(key: str, *, scales: bool = True) -> Drawing:
    """Return how overlays are drawn; draws the controls, side by side in a flowing row.

    Args:
        key: Name of the place.
        scales: Whether several classes are shown, so that their scale can be chosen.
    """
    kept = read_drawing()
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
    ground = st.segmented_control(
        "Photo in",
        [_GREY, _COLOUR],
        default=settle_widget(f"{key}.ground", _COLOUR if kept.on_colour else _GREY),
        key=f"{key}.ground",
        on_change=partial(_keep, key, "ground"),
        required=True,
        help="Grey is easier to read: colour on colour cannot be told from a yellow flower.",
    )
    scale: str | None = _OWN
    if scales:
        scale = st.segmented_control(
            "Scale",
            [_OWN, _COMMON],
            default=settle_widget(f"{key}.scale", _COMMON if kept.common_scale else _OWN),
            key=f"{key}.scale",
            on_change=partial(_keep, key, "scale"),
            required=True,
            help="Each its own: the strongest place of each class is brightest, so that weak "
            "classes can be seen too. One for all: a class that little spoke for stays dark, so "
            "that classes can be compared.",
        )
    return Drawing(
        strength=float(strength), on_colour=ground == _COLOUR, common_scale=scale == _COMMON
    )


def read_drawing() -> Drawing:
    """Return how overlays are drawn, as it was chosen last; draws nothing."""
    return Drawing(
        strength=float(st.session_state.get(f"{_KEPT}.strength", DEFAULT_STRENGTH)),
        on_colour=st.session_state.get(f"{_KEPT}.ground") == _COLOUR,
        common_scale=st.session_state.get(f"{_KEPT}.scale") == _COMMON,
    )


def choose_class(
    key: str, classes: Sequence[str], scores: np.ndarray, label: str, shown: Sequence[int] = ()
) -> int | None:
    """Return the number of the class that a person wants to see as well, or None.

    Args:
        key: Name of the place.
        classes: Names of all classes.
        scores: (k,) of the photo: the options are listed from the highest down.
        label: Of the list.
        shown: Numbers of classes that are shown anyway; they are not offered.
    """
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

    The value is told as state only where the widget holds another: what is told reaches the browser
    with the drawing, and would undo what a person has chosen there meanwhile. Then there is no
    default (None), as Streamlit wants it.
    """
    if name in st.session_state and st.session_state[name] != value:
        st.session_state[name] = value
        return None
    return value


def _keep(key: str, what: str) -> None:
    st.session_state[f"{_KEPT}.{what}"] = st.session_state[f"{key}.{what}"]
