"""Slices: where the run is weak: by light, size, shape, colour, source and tag."""

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_run_and_split
from core.ui.parts.run_cards import show_run_facts
from core.ui.slices.page import show_slices

open_page("Slices", "Where the run is weak: by light, size, shape, colour, source and tag.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)
    show_slices(run, split)
