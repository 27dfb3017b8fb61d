"""Thumbnails under the pointer on a chart of photos.

A browser is sent the photo that was pointed at and those that lie near it, never all of them; it
keeps what it was sent.
"""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.ui.parts.components import load_component
from core.ui.wall.showing import encode_thumbnail
from data.dataset import Dataset

_NEAR = 16
"""Photos that are sent at once."""


def open_pointed(key: str) -> DeltaGenerator:
    """Return the place for a Plotly chart whose points have photo numbers as `customdata`.

    `show_pointed` with the same key is called in it, too.
    """
    return st.container(key=f"pointed-{key}")


@st.fragment
def show_pointed(dataset: Dataset, positions: np.ndarray, key: str) -> None:
    """Show the photo under the pointer; a fragment, so that nothing else is drawn again.

    Args:
        positions: (n, 2) where the photos lie: those nearest to the one pointed at come with it.
        key: Of the chart's place.
    """
    widget, asked = f"hover.{dataset.id}.{key}", f"pointed.{key}.asked"

    def keep() -> None:
        st.session_state[asked] = (st.session_state.get(widget) or {}).get("pointed")

    photo = st.session_state.get(asked)
    pictures = {}
    if isinstance(photo, int) and 0 <= photo < len(dataset):
        for one in find_near(positions, photo):
            pictures[str(one)] = encode_thumbnail(dataset.thumbnail(one))
    load_component(__file__, "hover.css", "hover.js")(
        key=widget,
        data={"dataset": dataset.id, "pictures": pictures},
        on_pointed_change=keep,
    )


def find_near(positions: np.ndarray, photo: int) -> list[int]:
    """Return the photo and those nearest to it, the nearest first."""
    distances = np.square(positions - positions[photo]).sum(axis=1)
    distances[photo] = -1
    near = np.argpartition(distances, min(_NEAR, len(distances)) - 1)[:_NEAR]
    return [int(one) for one in near[np.argsort(distances[near], kind="stable")]]
