"""The button beside a file uploader that pastes, and Ctrl+V anywhere on the page."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


def show_clipboard(uploader: str, *, key: str) -> None:
    """Draws the button; a pasted picture is handed to the uploader as if it had been chosen there.

    So it is bounded, sent and held like any upload. Nothing comes back from here.

    Args:
        uploader: Key of the file uploader, which stands on the same page.
        key: Name of the button.
    """
    component = _component()
    component(key=key, data={"uploader": uploader})


@cache
def _component() -> Callable[..., Any]:
    folder = Path(__file__).parent
    # In the page's own tree, not in a shadow root: it reaches for the uploader beside it.
    return st.components.v2.component(
        "petalscope_clipboard",
        js=(folder / "clipboard.js").read_text(encoding="utf-8"),
        css=(folder / "clipboard.css").read_text(encoding="utf-8"),
        isolate_styles=False,
    )
