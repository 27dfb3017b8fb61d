"""The choice of an augmentation policy by its name, shared by the pages that need one.

The choice belongs to its form and outlasts a change of page. A link (`?policy=`) changes it, as the
page Augmentation hands one over; what is merely looked at there does not.
"""

from collections.abc import Collection

import streamlit as st

from core.datasets.policies import list_policies
from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.state import keep_choice
from data.policy import AugmentationPolicy

_CHOICE = "policy"


def pick_policy(key: str, default: str = "none") -> AugmentationPolicy:
    """Returns the chosen policy; draws a list of the named ones and the way to see and make them.

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
    """Chooses what a new link names; one that was taken before says what is chosen by now."""
    linked, chosen = st.query_params.get(_CHOICE), st.session_state.get(key)
    if linked in named and st.session_state.get(f"{key}.linked") != linked:
        st.session_state[key] = linked
    elif linked in named and chosen in named and chosen != linked:  # filled in from a run
        keep_choice(_CHOICE, chosen)
    st.session_state[f"{key}.linked"] = st.query_params.get(_CHOICE)


def _list_parts(policy: AugmentationPolicy) -> str:
    words = ", ".join(name.replace("_", " ") for name in policy.parts)
    return words if policy.pick is None else f"{policy.pick} a photo of {words}"
