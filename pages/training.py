"""Training: choose a recipe, start the run, watch it learn."""

import streamlit as st

from core.ui.frame import open_page
from core.ui.live import show_chosen_run
from core.ui.messages import report_errors
from core.ui.pickers import pick_dataset
from core.ui.recipe_form import show_recipe_form
from core.ui.steps import show_runs

open_page("Training", "Choose a recipe, start the run, watch it learn.")

with report_errors():
    form, live = st.columns([5, 8], gap="medium")
    with form.container(border=True):
        show_recipe_form(pick_dataset())
    with live:
        show_chosen_run()

    st.subheader("Runs", anchor=False)
    show_runs(choosable=True)
