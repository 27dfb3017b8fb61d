"""Monitoring: the model in use, drift and alarms; feedback, its review, and retraining."""

from core.ui.monitoring.page import show_monitoring
from core.ui.parts.messages import open_page

with open_page(
    "Monitoring",
    "How the model performs in use, and what to learn from feedback.",
    "New photos are compared with validation photos. Feedback becomes training photos only after "
    "you have reviewed it, in the tab Review.",
):
    show_monitoring()
