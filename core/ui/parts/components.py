"""Components of our own: what makes them; previous and next, and keys that none is lost of.

A key that is pressed faster than a page answers waits in the browser.
"""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_NAMES = {"Left": "ArrowLeft", "Right": "ArrowRight"}
"""What a browser calls the keys that Streamlit names otherwise."""


@cache
def load_component(beside: str, style: str, *scripts: str) -> Callable[..., Any]:
    """Return what draws a component of ours; it is named after its style.

    It lives in the page's own tree, not in a shadow root: screen readers, tests and other elements
    of the page meet plain elements.

    Args:
        scripts: Names of its JavaScript; together they are one module.
    """
    folder = Path(beside).parent
    return st.components.v2.component(
        f"petalscope_{Path(style).stem}",
        js="".join((folder / name).read_text(encoding="utf-8") for name in scripts),
        css=(folder / style).read_text(encoding="utf-8"),
        isolate_styles=False,
    )


def show_steps(
    place: str, number: int, of: int, go: Callable[[int], None], *, keys: bool = True
) -> None:
    """Draw previous and next, with their arrow keys.

    Args:
        place: Where the buttons are; they are named after it.
        of: How many there are.
        go: Shows the one with the number that it is given.
    """
    for label, icon, key, step in (
        ("Previous", "arrow_back", "Left", -1),
        ("Next", "arrow_forward", "Right", 1),
    ):
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"{place}.{label}",
            shortcut=key if keys else None,
            disabled=not 0 <= number + step < of,
            on_click=go,
            args=(number + step,),
        )


def queue_keys(place: str, *shortcuts: str) -> None:
    """Let these keys wait in the browser until the page has answered the one before.

    Draw it after the buttons: that it is there again says that they are.

    Args:
        place: Where their buttons are; each place is drawn once.
        shortcuts: The keys as the buttons name them (`shortcut`).
    """
    keys = [_NAMES.get(one, one.lower()) for one in shortcuts]
    draw = load_component(__file__, "keys.css", "keys.js")
    draw(key=f"keys.{place}", data={"keys": keys, "drawn": time.monotonic()})
