"""Calibration: how far a score can be trusted, when to answer, and when to say “I don’t know”."""

from core.ui.calibration.page import show_calibration
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_told
from core.ui.parts.pickers import pick_run_and_split
from core.ui.parts.run_cards import show_run_facts

open_page(
    "Calibration", "How far a score can be trusted, when to answer, and when to say “I don’t know”."
)

with report_errors():
    show_told()
    run, split = pick_run_and_split()
    show_run_facts(run)
    show_calibration(run, split)
