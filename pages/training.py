"""Training: choose a recipe, start the run, watch it learn."""

import streamlit as st

from core.ui.parts.messages import open_page
from core.ui.sweeps.page import show_sweeps
from core.ui.sweeps.results import STUDY
from core.ui.training.page import show_training

with open_page(
    "Training",
    "Choose a recipe, start the run, watch it learn.",
    "The backbone turns every photo into features once; after that, training the head "
    "takes seconds. A run continues when you close the browser.",
):
    dataset, recipe = show_training()
    sweeps = st.expander(
        "More: sweeps",
        expanded=STUDY in st.query_params,
        icon=":material/tune:",
        key="training.sweeps",
        on_change="rerun",
    )
    if sweeps.open:
        with sweeps:
            show_sweeps(dataset, recipe)
