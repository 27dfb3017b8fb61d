"""One choice of a few on the calibration page; it lives in the URL under its name."""

from collections.abc import Mapping

import streamlit as st

from core.ui.parts.state import keep_choice, read_choice


def pick_one(
    name: str, label: str, options: Mapping[str, str], default: str, explanation: str | None = None
) -> str:
    """Returns the chosen key of the options; drawn as segments with the names beside them.

    Args:
        name: Of the choice, in the URL.
        label: Read aloud, and drawn where there is an explanation.
        options: Key → name on screen.
        default: The key chosen at first.
        explanation: What hangs behind the "?"; None draws neither it nor the label.
    """
    key = f"calibration.{name}"
    stated = read_choice(name)
    st.session_state[key] = stated if stated in options else default
    return str(
        st.segmented_control(
            label,
            list(options),
            key=key,
            format_func=lambda one: options[one],
            on_change=lambda: keep_choice(name, st.session_state[key]),
            label_visibility="visible" if explanation else "collapsed",
            help=explanation,
            required=True,
        )
    )
