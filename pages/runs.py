"""Runs: every run, what made it different, and whether the difference is significant."""

from core.ui.parts.messages import open_page
from core.ui.runs.page import show_runs

with open_page(
    "Runs",
    "Every run, what made it different, and whether the difference is significant.",
    "Choose runs to compare their recipes and their accuracy on the same photos. The "
    "p-value is from McNemar's test on the photos that only one of two runs gets right.",
):
    show_runs()
