"""Predict: one photo in, an answer in words, and what the answer looked at."""

import streamlit as st

from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run
from core.ui.predicting import pick_photo, show_answer

open_page("Predict", "Show it one photo; it says what it sees, and what it looked at.")

with report_errors():
    question, answer = st.columns([2, 3], gap="large")
    with question:
        content = pick_photo()
        run = pick_run()
    with answer:
        show_answer(run, content)
