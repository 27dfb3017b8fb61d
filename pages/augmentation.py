"""Augmentation: what it does to photos, and when it destroys what they show."""

from core.ui.augmentation.page import show_augmentation
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_dataset

open_page(
    "Augmentation",
    "See what a model will be trained on, and how far photos may be changed before they stop "
    "being what they were.",
)

with report_errors():
    show_augmentation(pick_dataset())
