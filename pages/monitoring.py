"""Monitoring: how the model does in use, and whether the photos it is asked about have changed."""

import streamlit as st

from core.ui.monitoring import reading as monitoring_cache
from core.ui.monitoring.alarms import show_alarms
from core.ui.monitoring.drift import show_drift
from core.ui.monitoring.log_panel import show_log_panel
from core.ui.monitoring.rules import show_rules
from core.ui.monitoring.scope import pick_scope
from core.ui.monitoring.time import show_answers, show_course, show_figures
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_alarm_banner, show_told

open_page(
    "Monitoring",
    "How the model does in use, and whether the photos it is asked about have changed.",
)

show_told()
with report_errors():
    readings = monitoring_cache.readings()
    show_alarm_banner(link=False)
    scope = pick_scope()
    show_figures(scope)
    show_course(scope)
    show_answers(scope)
    with st.container(border=True):
        show_drift(scope)
    with st.container(border=True):
        show_rules(readings)
        show_alarms()
    show_log_panel()
