"""Monitoring: how the model does in use, and whether the photos it is asked about have changed."""

import streamlit as st

from core.ui import monitoring_cache
from core.ui.alarm_banner import show_alarm_banner
from core.ui.frame import open_page
from core.ui.log_panel import show_log_panel
from core.ui.messages import report_errors
from core.ui.monitoring_alarms import show_alarms
from core.ui.monitoring_drift import show_drift
from core.ui.monitoring_rules import show_rules
from core.ui.monitoring_scope import pick_scope
from core.ui.monitoring_time import show_answers, show_course, show_figures
from core.ui.telling import show_told

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
