"""Monitoring."""

from core.ui.frame import open_page

open_page(
    "Monitoring",
    "How the model does in use, and whether the photos it is asked about have changed.",
)
