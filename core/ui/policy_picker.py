"""The choice of an augmentation policy by its name, shared by the pages that need one.

The name lives in the URL (`policy`), so that the page Augmentation and the recipe form hand it to
each other.
"""

import streamlit as st

from core.formats import plain
from core.policies import list_policies
from core.ui import cache
from core.ui.frame import page_file
from core.ui.state import keep_choice, read_choice
from data.policy import AugmentationPolicy

_CHOICE = "policy"


def pick_policy(key: str, default: str = "none") -> AugmentationPolicy:
    """Returns the chosen policy; draws a list of the named ones and the way to see and make them.

    Args:
        key: Of the widget, which holds the name: "training.policy".
        default: What is chosen while neither the URL nor the session says anything.
    """
    named = list_policies(cache.workspace())
    stated = read_choice(_CHOICE)
    wanted = stated if stated in named else default
    if st.session_state.get(key) not in named:  # first visit, or deleted since
        st.session_state[key] = wanted
    name = st.selectbox(
        "Augmentation",
        list(named),
        key=key,
        help="What may happen to each training photo, so that the model sees it differently each "
        "time. Validation and test photos stay as they are.",
        on_change=lambda: keep_choice(_CHOICE, st.session_state[key]),
    )
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


def _list_parts(policy: AugmentationPolicy) -> str:
    words = ", ".join(name.replace("_", " ") for name in policy.parts)
    return words if policy.pick is None else f"{policy.pick} a photo of {words}"
