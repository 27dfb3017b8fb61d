"""The slices page: which of its views is wanted, beside the photos of the chosen slice."""

import streamlit as st

from core.runs.store import RunRecord
from core.ui.parts.state import keep_choice, read_choice
from core.ui.slices.photos import show_slice_photos
from core.ui.slices.properties import show_properties
from core.ui.slices.reading import study
from core.ui.slices.shortcuts import count_warnings, show_shortcuts
from core.ui.slices.worst import show_worst

_VIEWS = {"properties": "By property", "worst": "Worst slices", "shortcuts": "Shortcuts"}


def show_slices(run: RunRecord, split: str) -> None:
    """Draws the chosen view and, beside it, the photos of the chosen slice."""
    known = study(run, split)
    found = sum(one.is_confirmed for one in known.search.slices)
    numbers = {"worst": found, "shortcuts": count_warnings(known)}
    left, right = st.columns([7, 5], gap="medium")
    with left:
        view = _pick_view({name: found for name, found in numbers.items() if found})
        if view == "worst":
            show_worst(known)
        elif view == "shortcuts":
            show_shortcuts(known)
        else:
            show_properties(run, known)
    with right:
        show_slice_photos(run, known)


def _pick_view(numbers: dict[str, int]) -> str:
    """Returns which view is wanted; it lives in the URL as `by`."""
    stated = read_choice("by")
    st.session_state["slices.view"] = stated if stated in _VIEWS else next(iter(_VIEWS))
    return str(
        st.segmented_control(
            "View",
            list(_VIEWS),
            key="slices.view",
            format_func=lambda name: (
                f"{_VIEWS[name]} ({numbers[name]})" if name in numbers else _VIEWS[name]
            ),
            on_change=lambda: keep_choice("by", st.session_state["slices.view"]),
            label_visibility="collapsed",
            required=True,
        )
    )
