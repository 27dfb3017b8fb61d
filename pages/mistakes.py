"""Mistakes: the photos that go wrong, and why."""

from core.ui.mistakes.page import show_mistakes
from core.ui.parts.messages import open_page
from core.ui.recipes.run_cards import open_run

with open_page(
    "Mistakes",
    "The photos that the run predicts wrongly, and why.",
    "Choose a list and review its photos one by one: relabel, exclude or keep. Edits wait "
    "in the tray of the dataset until you apply them.",
):
    run, split = open_run()
    show_mistakes(run, split)
