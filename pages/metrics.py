"""Metrics: how good a run is, class by class, and how sure one can be of that."""

import streamlit as st

from core.ui.metrics.classes import read_class, show_class_bars, show_class_table
from core.ui.metrics.curves import show_curves
from core.ui.metrics.headline import show_averages, show_headline
from core.ui.metrics.photos import show_class_photos
from core.ui.metrics.worth import show_worth
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_run_and_split
from core.ui.parts.run_cards import show_run_facts

open_page("Metrics", "How good a run is, class by class, and how sure one can be of that.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run, report_on=split)
    show_headline(run, split)

    show_averages(run, split)
    with st.container(border=True):
        show_worth(run, split)

    st.subheader("Each class", anchor=False)
    class_name = read_class(run)
    bars, curves = st.columns([2, 3], gap="medium")
    with bars.container(border=True):
        show_class_bars(run, split)
    with curves.container(border=True):
        show_curves(run, split, class_name)

    show_class_table(run, split)
    show_class_photos(run, split, class_name)
