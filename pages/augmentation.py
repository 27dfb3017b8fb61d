"""Augmentation: see the photos that a model trains on, and how far they may be changed."""

from core.ui.augmentation.page import show_augmentation
from core.ui.parts.messages import open_page
from core.ui.parts.pickers import pick_dataset

with open_page(
    "Augmentation",
    "See the photos that a model trains on, and how far they may be changed.",
    "Draws random versions of photos under a policy, with the same code that training "
    "uses. The distances show when a photo no longer resembles its class.",
):
    show_augmentation(pick_dataset())
