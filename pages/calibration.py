"""Calibration: how far a score can be trusted, when to answer, and when to say “I don’t know”."""

from core.ui.calibration.page import show_calibration
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_told
from core.ui.recipes.code import show_code
from core.ui.recipes.run_cards import open_run

open_page(
    "Calibration", "How far a score can be trusted, when to answer, and when to say “I don’t know”."
)

with report_errors():
    show_told()
    run, split = open_run()
    show_calibration(run, split)
    show_code(run.recipe, "answers", "calibration", split=split)
