"""The grid on the page: mounted once, told what to draw, heard when something was chosen."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPTS = ("drawing.js", "grid.js")
"""One module for the browser: the second goes on from the first."""

Choose = Callable[[int | None, int | None], None]
Zoom = Callable[[tuple[int, int], tuple[int, int]], None]


def show_grid(data: dict[str, Any], *, key: str, on_choose: Choose, on_zoom: Zoom) -> None:
    """Draws the grid; a click or Enter on a cell, a row's or a column's name chooses it.

    Args:
        data: What `pack_grid` returned.
        key: Name of the grid; another one on the same page needs another.
        on_choose: Is told the true and the predicted class; None for a whole column or row.
        on_zoom: Is told first and last place of the rows and of the columns that were drawn over.
    """

    def choose() -> None:
        told = _told(key, "chosen")
        numbers = (told.get("true"), told.get("predicted"))
        known = [one for one in numbers if isinstance(one, int)]
        if known and all(0 <= one < 1_000_000 for one in known):
            on_choose(*numbers)

    def zoom() -> None:
        told = _told(key, "zoomed")
        try:
            rows, columns = ((int(a), int(b)) for a, b in (told["rows"], told["columns"]))
        except (KeyError, TypeError, ValueError):
            return
        on_zoom(rows, columns)

    component = _component()
    component(key=key, data=data, on_chosen_change=choose, on_zoomed_change=zoom)


def _told(key: str, event: str) -> dict[str, Any]:
    told = (st.session_state.get(key) or {}).get(event)
    return dict(told) if told else {}


@cache
def _component() -> Callable[..., Any]:
    folder = Path(__file__).parent
    # In the page's own tree, not in a shadow root: screen readers and tests meet plain elements.
    return st.components.v2.component(
        "petalscope_confusion_grid",
        js="".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        css=(folder / "grid.css").read_text(encoding="utf-8"),
        isolate_styles=False,
    )
