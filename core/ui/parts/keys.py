"""Previous and next, and keys that are pressed faster than a page answers: none is lost."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_NAMES = {"Left": "ArrowLeft", "Right": "ArrowRight"}
"""What a browser calls the keys that Streamlit names otherwise."""


def show_steps(
    place: str, number: int, of: int, go: Callable[[int], None], *, keys: bool = True
) -> None:
    """Draw previous and next, with their arrow keys.

    Args:
        place: Where the buttons are; they are named after it.
        number: What is shown now, from 0.
        of: How many there are.
        go: Shows the one with the number that it is given.
        keys: Whether the arrow keys mean these buttons.
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
    _component()(key=f"keys.{place}", data={"keys": keys, "drawn": time.monotonic()})


@cache
def _component() -> Callable[..., Any]:
    script = Path(__file__).with_name("keys.js").read_text(encoding="utf-8")
    return st.components.v2.component(
        "petalscope_keys",
        js=script,
        css="[class*=st-key-keys-] {\n  position: absolute;\n}",
        isolate_styles=False,
    )
