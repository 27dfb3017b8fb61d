"""Runs: every run, what made it different, and whether the difference is real."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.runs.page import show_runs

open_page("Runs", "Every run, what made it different, and whether the difference is real.")

with report_errors():
    show_runs()
