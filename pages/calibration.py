"""Calibration: how far a score can be trusted, when to answer, and when to say “I don’t know”."""

import streamlit as st

from core.ui.calibration.rule import show_rule
from core.ui.calibration.views import pick_view, show_view, show_view_photos
from core.ui.parts import cache
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_told
from core.ui.parts.pickers import pick_run_and_split
from core.ui.parts.run_cards import show_run_facts
from core.ui.photos.panel import show_photo_panel

open_page(
    "Calibration", "How far a score can be trusted, when to answer, and when to say “I don’t know”."
)

with report_errors():
    show_told()
    run, split = pick_run_and_split()
    show_run_facts(run)

    controls, evidence = st.columns([4, 9], gap="medium")
    with controls.container(border=True):
        rule = show_rule(run)
    with evidence:
        view = pick_view()
        show_view(view, run, split, rule)
    show_view_photos(view, run, split, rule)
    show_photo_panel(cache.dataset(run.recipe.dataset))
