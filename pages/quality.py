"""Quality: what is wrong with the photos and their labels, and what to do about it."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.quality.page import show_quality

open_page(
    "Quality",
    "What is wrong with the photos and their labels. Nothing is changed before you say so.",
)

with report_errors():
    show_quality()
