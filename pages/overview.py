"""Overview: where things stand, and the next step."""

import streamlit as st

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.recipes.steps import show_datasets, show_next_step, show_runs, show_weights
from core.ui.recipes.strategy import show_device

open_page("Petalscope", "From a folder of photos to a model whose mistakes you can see.")

with report_errors():
    show_next_step()
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        st.subheader("Runs", anchor=False)
        show_runs()
    with right.container(border=True):
        st.subheader("Datasets", anchor=False)
        show_datasets()
    with right.container(border=True):
        st.subheader("This machine", anchor=False)
        show_device()
        show_weights()
