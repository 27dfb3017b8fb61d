"""Metrics: how good a run is, class by class."""

from core.ui.metrics.page import show_metrics
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.recipes.run_cards import open_run

open_page(
    "Metrics",
    "How good a run is, class by class.",
    "Choose a class in the table to see its photos. The baselines show what training "
    "added, the learning curve whether more photos would help.",
)

with report_errors():
    run, split = open_run()
    show_metrics(run, split)
