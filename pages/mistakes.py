"""Mistakes: the photos that go wrong, and why: look, compare, relabel or set aside."""

from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import show_run_facts

open_page("Mistakes", "The photos that go wrong, and why: look, compare, relabel or set aside.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)
