"""What the review says when there is nothing to review, and where feedback comes from."""

import streamlit as st

from core.formats import count
from core.monitoring.feedback import State, count_feedback
from core.registry.store import read_aliases
from core.ui.parts import cache
from core.ui.parts.messages import show_empty
from core.ui.review.actions import can_undo, show_done, undo
from core.ui.review.retraining_panel import show_retraining


def show_empty_inbox() -> None:
    """Draws the empty state and ends the page while nobody has said anything yet."""
    if any(count_feedback(cache.workspace()).values()):
        return
    show_empty(
        "Nobody has said anything yet",
        "Below each answer on the page Predict stands “Right” and “It is really …”; programs say "
        "it by the API. What is said comes here, is reviewed, and becomes train photos.",
        "predict",
        "Predict a photo",
        ":material/photo_camera:",
    )
    if "champion" in read_aliases(cache.workspace()):  # when to retrain is arranged ahead
        st.divider()
        show_retraining()
    st.stop()


def show_nothing(state: State, unfiltered: int) -> None:
    """Draws that the list is empty, and the way back from the last deed."""
    show_done()
    with st.container(horizontal=True, vertical_alignment="center"):
        if unfiltered:
            words = f"None of {count(unfiltered, 'answer')} here is what you look for."
            st.info(f"{words} Choose “Any” again.", icon=":material/filter_alt_off:")
        elif state == "waiting":
            st.success("All is reviewed.", icon=":material/inbox:")
        else:
            st.info("None in this state.", icon=":material/inbox:")
        if can_undo():
            st.button(
                "Undo", icon=":material/undo:", key="review.undo", shortcut="U", on_click=undo
            )
