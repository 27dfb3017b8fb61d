"""Metrics: how good a run is, class by class, and how sure one can be of that."""

import streamlit as st

from core.ui import cache
from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import (
    show_averages,
    show_class_bars,
    show_class_table,
    show_headline,
    show_run_facts,
)

open_page("Metrics", "How good a run is, class by class, and how sure one can be of that.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)
    evaluation = cache.evaluation(run.id, split)
    show_headline(evaluation)

    chart, averages = st.columns([3, 2], gap="medium")
    with chart.container(border=True):
        show_class_bars(evaluation)
    with averages.container(border=True):
        show_averages(evaluation)

    st.subheader("Each class", anchor=False)
    show_class_table(evaluation)
