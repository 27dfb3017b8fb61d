"""Confusion: which classes are taken for which, and the photos it happens to."""

from core.ui.confusion_cards import show_confusions
from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import show_run_facts

open_page("Confusion", "Which classes are taken for which, and the photos it happens to.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)
    show_confusions(run, split)
