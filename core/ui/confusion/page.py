"""The confusion page: pickers, the matrix of a run or of two, the list of pairs, the photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.evaluation.confusion import measure, subtract_matrices
from core.runs.store import RunRecord
from core.ui.comparing.verdict import show_headline
from core.ui.confusion.choice import read_chosen
from core.ui.confusion.difference import (
    RunPair,
    pair_runs,
    pick_other_run,
    show_changes,
    show_difference,
)
from core.ui.confusion.export import show_difference_export, show_matrix_export
from core.ui.confusion.matrix import WIDE_ABOVE, show_matrix, show_pairs, show_table
from core.ui.confusion.moved import show_moved_photos
from core.ui.confusion.photos import show_chosen_photos
from core.ui.confusion.scope import pick_scope, pick_value, read_looked_for, show_zoom
from core.ui.parts import cache


@dataclass(frozen=True)
class _Places:
    """Where the parts of the page stand. Their keys are known to grid.css and drawing.js."""

    grid: DeltaGenerator
    pairs: DeltaGenerator
    photos: DeltaGenerator


def show_confusions(run: RunRecord, split: str) -> None:
    """Draws the page for a run and a split."""
    pickers = st.columns(4, vertical_alignment="bottom")
    with pickers[3]:
        other = pick_other_run(run)
    if other is None:
        _show_one(run, split, pickers)
        return
    pair = pair_runs(run, other, split)
    show_headline(other, run, pair.common, pair.comparison, pair.comparison.p_value)
    if len(pair.common):
        _show_pair(pair, split, pickers)


def _show_one(run: RunRecord, split: str, pickers: Sequence[DeltaGenerator]) -> None:
    classes = cache.result(run.id).classes
    matrix = cache.confusions(run.id, split)
    name = f"{run.id}.{split}"
    scope = pick_scope(matrix, classes, name, pickers)
    chosen, marked = read_chosen(classes), read_looked_for(classes)
    places = _split_page(len(classes))
    with places.grid:
        with st.container(horizontal=True, vertical_alignment="center"):
            value, hide_diagonal = pick_value()
            show_matrix_export(run, split, matrix, classes, scope, value, hide_diagonal)
        show_zoom(scope, classes, marked)
        show_matrix(
            matrix,
            classes,
            scope,
            name=name,
            value=value,
            hide_diagonal=hide_diagonal,
            chosen=chosen,
            marked=marked,
        )
        show_table(measure(matrix, value), classes, scope)
    with places.pairs:
        show_pairs(matrix, classes, name=name, looked_for=marked)
    with places.photos:
        show_chosen_photos(run, split, chosen)


def _show_pair(pair: RunPair, split: str, pickers: Sequence[DeltaGenerator]) -> None:
    classes = pair.common.classes
    name = f"{pair.run.id}.{pair.other.id}.{split}"
    scope = pick_scope(pair.after + pair.before, classes, name, pickers)
    chosen, marked = read_chosen(classes), read_looked_for(classes)
    places = _split_page(len(classes))
    with places.grid:
        with st.container(horizontal=True, vertical_alignment="center"):
            value, hide_diagonal = pick_value()
            show_difference_export(pair, split, scope, value, hide_diagonal)
        show_zoom(scope, classes, marked)
        show_difference(
            pair,
            scope,
            name=name,
            value=value,
            hide_diagonal=hide_diagonal,
            chosen=chosen,
            marked=marked,
        )
        show_table(subtract_matrices(pair.after, pair.before, value), classes, scope)
    with places.pairs:
        show_changes(pair, name=name, looked_for=marked)
    with places.photos:
        show_moved_photos(pair, chosen)


def _split_page(n_classes: int) -> _Places:
    """Returns the places of matrix, list and photos; a large matrix has the whole width."""
    if n_classes > WIDE_ABOVE:
        grid = st.container(border=True, key="confusion_matrix")
        left, right = st.columns(2, gap="medium")
        return _Places(
            grid,
            left.container(border=True, key="confusion_beside"),
            right.container(key="confusion_photos"),
        )
    left, right = st.columns(2, gap="medium")
    return _Places(
        left.container(border=True, key="confusion_matrix"),
        right.container(border=True),
        st.container(key="confusion_photos"),
    )
