"""Monitoring: how the model does in use, and whether the photos it is asked about have changed."""

from core.ui.monitoring.page import show_monitoring
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors

open_page(
    "Monitoring",
    "How the model does in use, and whether the photos it is asked about have changed.",
)

with report_errors():
    show_monitoring()
