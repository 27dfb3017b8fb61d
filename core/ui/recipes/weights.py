"""The choice of weights, which is never made silently.

Where pretrained ones cannot be had the form says so, with the download and the one-click way out
(random weights) beside it.
"""

from typing import Literal

import streamlit as st

from core.config import read_settings
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, show_random_banner
from models.weights import Weights, download_weights, find_weights


def pick_weights() -> Weights | None:
    """Returns the chosen weights, or None when pretrained ones are wanted and not there."""
    found = _find_pretrained()
    options: list[Literal["pretrained", "random"]] = ["pretrained", "random"]
    st.session_state.setdefault("training.weights", "pretrained")
    kind = st.segmented_control(
        "Weights of the backbone",
        options,
        format_func=str.capitalize,
        key="training.weights",
        required=True,
        persist_state="session",
    )
    if kind == "random":
        show_random_banner()
        return find_weights(cache.workspace(), "random")
    if isinstance(found, Weights):
        st.caption(f"{plain(found.label)}, from {plain(found.origin)}")
        return found
    _offer_ways_out(found)
    return None


def _offer_ways_out(error: WeightsMissing | WeightsDamaged) -> None:
    if isinstance(error, WeightsDamaged):
        show_problem(error.problem, error.remedy)
    else:
        st.info(plain(error.problem), icon=":material/key_off:")
    chosen = read_settings().weights  # would still win over what is downloaded
    if chosen is None and st.button(
        "Download them (94 MB)", icon=":material/download:", width="stretch"
    ):
        _download()
    st.button(
        "Use random weights",
        icon=":material/casino:",
        width="stretch",
        on_click=lambda: st.session_state.update({"training.weights": "random"}),
    )
    with st.popover("Without network", icon=":material/help:", type="tertiary"):
        st.write(plain(error.remedy))


def _find_pretrained() -> Weights | WeightsMissing | WeightsDamaged:
    try:
        return find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged) as error:
        return error


def _download() -> None:
    bar = st.progress(0.0, text="Asking for the file …")

    def report(done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, f"{size(done)} of {size(total)}")

    download_weights(cache.workspace(), report)
    st.rerun()
