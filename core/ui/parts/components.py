"""Our own components, the buttons previous and next, and keys that wait in the browser."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_NAMES = {"Left": "ArrowLeft", "Right": "ArrowRight"}


@cache
def load_component(beside: str, style: str, *scripts: str) -> Callable[..., Any]:
    """Return the function that draws a component of ours, made of a style and scripts.

    Without a shadow root, so that screen readers and tests find plain elements.
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
    """Draw previous and next with their arrow keys; `go` opens the item with a number."""
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
    """Let keys (named like a `shortcut`) wait in the browser until the page has answered.

    Draw it after the buttons, once for each place.
    """
    keys = [_NAMES.get(one, one.lower()) for one in shortcuts]
    draw = load_component(__file__, "keys.css", "keys.js")
    draw(key=f"keys.{place}", data={"keys": keys, "drawn": time.monotonic()})
