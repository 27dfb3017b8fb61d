"""Quality: what is wrong with the photos and their labels, and what to do about it."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_dataset
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import show_tray
from core.ui.quality.cards import pick_finding, show_finding

open_page(
    "Quality",
    "What is wrong with the photos and their labels. Nothing is changed before you say so.",
)

with report_errors():
    dataset = pick_dataset()
    show_tray(dataset)
    show_finding(dataset, pick_finding(dataset))
    show_photo_panel(dataset)
