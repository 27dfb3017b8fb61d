"""Slices: where the run is weak: by light, size, shape, colour, source and tag."""

from core.ui.parts.messages import open_page
from core.ui.recipes.run_cards import open_run
from core.ui.slices.page import show_slices

with open_page(
    "Slices",
    "Where the run is weak: by light, size, shape, colour, source and tag.",
    "A slice is a group of photos that share a property. Its accuracy is compared with "
    "the accuracy expected from the classes in it.",
):
    run, split = open_run()
    show_slices(run, split)
