"""Metrics: how good a run is, class by class."""

from core.ui.metrics.page import show_metrics
from core.ui.parts.messages import open_page
from core.ui.recipes.run_cards import open_run

with open_page(
    "Metrics",
    "How good a run is, class by class.",
    "Choose a class in the table to see its photos. The baselines show what training "
    "added, the learning curve whether more photos would help.",
):
    run, split = open_run()
    show_metrics(run, split)
