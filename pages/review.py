"""Review: what people said of the answers, decided on, and made into better datasets."""

import streamlit as st

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_alarm_banner, show_told
from core.ui.review.card import show_card
from core.ui.review.inbox import show_empty_inbox, show_nothing
from core.ui.review.list import filter_feedback, pick_state, read_feedback_list, show_list
from core.ui.review.many import show_many
from core.ui.review.retraining_panel import show_retraining
from core.ui.review.version import show_new_version

open_page(
    "Review",
    "What people said of the answers: accept it, put it right, and train a better model with it.",
)

show_told()
with report_errors():
    show_alarm_banner()
    show_empty_inbox()
    state = pick_state()
    everything = read_feedback_list(state)
    found = filter_feedback(everything)
    if found:
        show_card(found)
        deeds = st.container()
        chosen = show_list(found)
        with deeds:
            show_many(found, chosen)
    else:
        show_nothing(state, len(everything))
    st.divider()
    show_new_version()
    st.divider()
    show_retraining()
