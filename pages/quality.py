"""Quality: problems in photos and labels. Nothing changes until you apply the edits."""

from core.ui.parts.messages import open_page
from core.ui.quality.page import show_quality

with open_page(
    "Quality",
    "Problems in photos and labels. Nothing changes until you apply the edits.",
    "Lists copies, photos that leak between splits, label suspects and outliers. You "
    "decide about each finding; the original files never change.",
):
    show_quality()
