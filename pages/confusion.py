"""Confusion: which classes are taken for which, and the photos it happens to."""

from core.ui.confusion_cards import (
    pick_cell,
    show_cell_photos,
    show_matrix,
    show_pairs,
    split_columns,
)
from core.ui.frame import open_page
from core.ui.messages import report_errors
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import show_run_facts

open_page("Confusion", "Which classes are taken for which, and the photos it happens to.")

with report_errors():
    run, split = pick_run_and_split()
    show_run_facts(run)

    matrix, pairs = split_columns(run)
    with matrix.container(border=True):
        show_matrix(run, split)
    with pairs.container(border=True):
        show_pairs(run, split)

    show_cell_photos(run, split, pick_cell(run))
