"""Quality: problems in photos and labels. Nothing changes until you apply the edits."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.quality.page import show_quality

open_page(
    "Quality",
    "Problems in photos and labels. Nothing changes until you apply the edits.",
    "Lists copies, photos that leak between splits, label suspects and outliers. You "
    "decide about each finding; the original files never change.",
)

with report_errors():
    show_quality()
