"""Training: choose a recipe, start the run, watch it learn."""

import streamlit as st

from core.ui.parts.frame import is_presenting, open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_dataset
from core.ui.parts.state import name_visitor
from core.ui.recipes.form import fill_from_link, show_recipe_form
from core.ui.recipes.run_list import show_runs
from core.ui.sweeps.page import show_sweeps
from core.ui.training.live import show_chosen_run
from core.ui.training.presenting import show_presentation

open_page("Training", "Choose a recipe, start the run, watch it learn.", presentable=True)

with report_errors():
    if is_presenting():
        show_presentation()
        st.stop()
    fill_from_link()
    form, live = st.columns([5, 8], gap="medium")
    with form.container(border=True):
        dataset = pick_dataset()
        recipe = show_recipe_form(dataset)
    with live:
        show_chosen_run()
    show_sweeps(dataset, recipe, name_visitor())

    st.subheader("Runs", anchor=False)
    show_runs(choosable=True)
