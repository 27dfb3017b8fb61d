"""The choice of weights and of an augmentation policy: neither is ever made silently.

Where pretrained weights cannot be had the form says so, with the download and the one-click way out
(random weights) beside it. The policy outlasts a change of page; a link (`?policy=`) changes it, as
the page Augmentation hands one over, and what is merely looked at there does not.
"""

from collections.abc import Collection

import streamlit as st

from core.config import read_settings
from core.datasets.policies import list_policies
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.runs.recipe.recipe import SETTINGS
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem, show_random_banner
from core.ui.parts.state import keep_choice
from data.policy import AugmentationPolicy
from models.weights import Weights, download_weights, find_weights

_CHOICE = "policy"


def pick_weights() -> Weights | None:
    """Return the chosen weights, or None when pretrained ones are wanted and not there."""
    found = _find_pretrained()
    st.session_state.setdefault("training.weights", "pretrained")
    kind = st.segmented_control(
        "Weights of the backbone",
        list(SETTINGS["weights"].choices),
        format_func=SETTINGS["weights"].choices.__getitem__,
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


def pick_policy(key: str, default: str = "none") -> AugmentationPolicy:
    """Return the chosen policy; draw a list of the named ones and the way to see and make them.

    Args:
        key: Of the widget, which holds the name: "training.policy".
        default: What is chosen while neither a link nor the session says anything.
    """
    named = list_policies(cache.workspace())
    _take_link(key, named)
    if st.session_state.get(key) not in named:  # first visit, or deleted since
        st.session_state[key] = default
    name = st.selectbox(
        "Augmentation",
        list(named),
        key=key,
        persist_state="session",
        help="What may happen to each training photo, so that the model sees it differently each "
        "time. Validation and test photos stay as they are.",
        on_change=lambda: keep_choice(_CHOICE, st.session_state[key]),
    )
    if st.query_params.get(_CHOICE, name) not in named:
        st.caption(":orange[The link names a policy that is not here; this is another one.]")
    words = "Photos are trained on as they are." if named[name].does_nothing else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(words or f"May change: {plain(_list_parts(named[name]))}.")
        st.page_link(
            page_file("augmentation"),
            label="See what it does",
            icon=":material/auto_fix_high:",
            query_params={_CHOICE: name},
        )
    return named[name]


def _take_link(key: str, named: Collection[str]) -> None:
    """Choose what a new link names; one that was taken before says what is chosen by now."""
    linked, chosen = st.query_params.get(_CHOICE), st.session_state.get(key)
    if linked in named and st.session_state.get(f"{key}.linked") != linked:
        st.session_state[key] = linked
    elif linked in named and chosen in named and chosen != linked:  # filled in from a run
        keep_choice(_CHOICE, chosen)
    st.session_state[f"{key}.linked"] = st.query_params.get(_CHOICE)


def _list_parts(policy: AugmentationPolicy) -> str:
    words = ", ".join(name.replace("_", " ") for name in policy.parts)
    return words if policy.pick is None else f"{policy.pick} a photo of {words}"
