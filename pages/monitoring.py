"""Monitoring: how the model does in use, and whether its photos have changed."""

from core.ui.monitoring.page import show_monitoring
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page(
    "Monitoring",
    "How the model does in use, and whether its photos have changed.",
    "Compares the photos sent recently with the training photos. An alarm fires only when "
    "the whole 95 % interval is past its level.",
)

with report_errors():
    show_monitoring()
