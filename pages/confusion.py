"""Confusion: which classes are mistaken for which, and the photos behind each cell."""

from core.ui.confusion.page import show_confusions
from core.ui.parts.messages import open_page
from core.ui.recipes.run_cards import open_run

with open_page(
    "Confusion",
    "Which classes are mistaken for which, and the photos behind each cell.",
    "Rows are true classes, columns predicted ones. Click a cell, a row or a column to "
    "see its photos.",
):
    run, split = open_run()
    show_confusions(run, split)
