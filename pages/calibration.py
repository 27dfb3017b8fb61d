"""Calibration: how far a score can be trusted, when to answer, and when to say “I don’t know”."""

from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import show_run_facts

open_page(
    "Calibration", "How far a score can be trusted, when to answer, and when to say “I don’t know”."
)

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)
