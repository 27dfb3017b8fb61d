"""Calibration: how far scores can be trusted, and when to answer “I don’t know”."""

from core.ui.calibration.page import show_calibration
from core.ui.parts.messages import open_page, show_told
from core.ui.recipes.run_cards import open_run

with open_page(
    "Calibration",
    "How far scores can be trusted, and when to answer “I don’t know”.",
    "When a calibrated model gives a score of 80 %, it is right about 80 % of the time. "
    "Below the threshold that you choose here, the answer is “I don’t know”.",
):
    show_told()
    run, split = open_run()
    show_calibration(run, split)
