"""Augmentation: what it does to photos, and when it destroys what they show."""

from core.ui.augmentation import show_augmentation
from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_dataset

open_page(
    "Augmentation",
    "See what a model will be trained on, and how far photos may be changed before they stop "
    "being what they were.",
)

with report_errors():
    show_augmentation(pick_dataset())
