"""Dataset: see what is in your photos before you train on them."""

from core.ui.dataset.page import show_dataset
from core.ui.parts.messages import open_page

with open_page(
    "Dataset",
    "See what is in your photos before you train on them.",
    "Browse, sort and filter photos, correct labels and compare versions. Edits wait in a "
    "tray until you apply them; the original files never change.",
):
    show_dataset()
