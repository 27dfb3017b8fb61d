"""The page “Models” before there is any version: what a version is, and the way to the first."""

import streamlit as st

from core.ui.parts.messages import show_empty
from core.ui.parts.run_cards import show_registering
from core.ui.registry.reading import Registry
from core.ui.registry.timeline import show_timeline


def show_no_version(registry: Registry) -> None:
    """Draws the empty state, with the picker where a run is finished; ends the page."""
    if any(run.state == "done" for run in registry.runs.values()):
        with st.container(border=True):
            st.subheader("No version yet", anchor=False)
            st.write(
                "A version is a finished run made fast: its network, its head and its rule, each "
                "file under its digest. One version is the champion and answers everywhere; a "
                "better one takes its place, and you can always go back."
            )
            show_registering()
    else:
        show_empty(
            "No version yet",
            "A version is a finished run made fast, ready to classify photos on the page Predict "
            "and in the API. Train one first: with kept features it takes seconds.",
            "training",
            "Train a model",
            ":material/model_training:",
        )
    if registry.events:
        st.subheader("History", anchor=False)
        show_timeline()
    st.stop()
