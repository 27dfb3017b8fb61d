"""Everything that the confusion page shows, read once: address and caches → one `ConfusionPage`.

In the URL: `against` (the other run), `order`, `among`, `cells`, `diagonal`, `zoom` (first and last
place of rows and columns in that order, from 0, as "3-9_0-20"), and the chosen cells: `true` alone
is a row, `predicted` alone a column, both are a cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast, get_args

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.matrix_cells import Change, Look
from core.errors import FeaturesMissing
from core.evaluation.confusion import (
    Order,
    Value,
    count_confusions,
    find_moved,
    list_largest_changes,
    measure,
    most_confused_pairs,
    photos_in_cell,
    subtract_matrices,
)
from core.evaluation.mistakes import find_typical
from core.formats import count, plain
from core.runs.common_photos import CommonPhotos
from core.runs.result import read_run_features
from core.runs.store import RunRecord
from core.ui.comparing.reading import Compared, compare_runs
from core.ui.confusion.scope import Part, Zoom, choose_part, find_order, find_parts, read_zoom
from core.ui.parts import cache
from core.ui.parts.choosing import list_done
from core.ui.parts.state import choose_from, is_linked, keep_choice, read_choice, refuse_link
from models.rows import is_kept

CLEARED = "confusion.cleared"
"""Session key of a number in the key of the list: a new number gives a list without a tick."""
_MOST = 50
"""Pairs or changes in the list."""


@dataclass(frozen=True)
class Against:
    """The run to compare with."""

    others: Mapping[str, RunRecord]
    """All finished runs but this one, those on the same photos first."""
    run: RunRecord | None


@dataclass(frozen=True)
class Chosen:
    """Class numbers of row and column; not both are None."""

    true: int | None
    predicted: int | None

    @property
    def is_error(self) -> bool:
        """Whether it is a cell off the diagonal."""
        return None not in (self.true, self.predicted) and self.true != self.predicted


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """The run of the page ("after") and the other one ("before") on their common photos."""

    compared: Compared
    change: Change

    @property
    def other(self) -> RunRecord:
        """The run to compare with."""
        return self.compared.baseline

    @property
    def common(self) -> CommonPhotos:
        """Photos that both runs answered."""
        return self.compared.common


@dataclass(frozen=True)
class TypicalPhotos:
    """Correctly predicted training photos of a class."""

    photos: np.ndarray
    """(m,) int, the most typical first."""
    by_features: bool
    """False where the features were deleted: then by the highest score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConfusionPage(cache.RunPage):
    """A run, or its difference to another run, on the photos of a split."""

    pair: RunPair | None
    classes: tuple[str, ...]
    matrix: np.ndarray
    """(k, k) counts of the run, or of both runs together: order and groups follow from it."""
    parts: Mapping[str, Part]
    part: str
    order: Order
    arranged: np.ndarray
    """(m,) int, classes of the part in their order."""
    zoom: Zoom | None
    value: Value
    hide_diagonal: bool
    chosen: Chosen | None

    @property
    def name(self) -> str:
        """Unique name of the matrix, to which a zoom belongs."""
        return _name_matrix(self.run, self.pair.other if self.pair else None, self.split)

    @property
    def rows(self) -> np.ndarray:
        """(r,) int, class numbers of the rows drawn."""
        return self.arranged if self.zoom is None else _cut(self.arranged, self.zoom.rows)

    @property
    def columns(self) -> np.ndarray:
        """(c,) int, class numbers of the columns drawn."""
        return self.arranged if self.zoom is None else _cut(self.arranged, self.zoom.columns)

    @property
    def left_out(self) -> str:
        """The drawn part in a sentence; "" when the whole matrix is drawn."""
        drawn, k = (len(self.rows), len(self.columns)), len(self.classes)
        return "" if drawn == (k, k) else f"{drawn[0]} rows × {drawn[1]} columns of {k:,} classes."

    def look(self, dark: bool) -> Look:
        """Return the drawn part of the matrix and its style."""
        return Look(
            rows=self.rows,
            columns=self.columns,
            value=self.value,
            hide_diagonal=self.hide_diagonal,
            dark=dark,
        )

    @cached_property
    def numbers(self) -> np.ndarray:
        """(n,) int, photos of the split."""
        return self.result.photo_numbers(self.split)

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,) int, class of each photo of the split."""
        return np.asarray(self.result.labels[self.numbers])

    @cached_property
    def predictions(self) -> np.ndarray:
        """(n,) int, predicted class of each photo of the split."""
        return np.asarray(self.result.scores[self.numbers].argmax(axis=1))

    @cached_property
    def values(self) -> np.ndarray:
        """(k, k) float, values of the cells; NaN for shares of classes without photos."""
        if self.pair is None:
            return measure(self.matrix, self.value)
        return subtract_matrices(self.pair.change.after, self.pair.change.before, self.value)

    @cached_property
    def counts(self) -> np.ndarray:
        """(k, k) int, photos of each cell, or the difference of two runs."""
        if self.pair is None:
            return self.matrix
        return np.asarray(self.pair.change.after - self.pair.change.before)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The most confused pairs of classes."""
        return most_confused_pairs(self.matrix, self.classes, top=_MOST)

    @cached_property
    def changes(self) -> pd.DataFrame:
        """The cells that changed most between two runs."""
        assert self.pair is not None
        change = self.pair.change
        return list_largest_changes(change.after, change.before).head(_MOST)

    def find_photos(self, chosen: Chosen) -> np.ndarray:
        """Return the photos of a cell, row or column, (m,) int: wrong first, then by confidence."""
        scores = self.result.scores[self.numbers]
        inside = photos_in_cell(
            self.labels, self.predictions, scores, chosen.true, chosen.predicted
        )
        return np.asarray(self.numbers[inside])

    def find_moved(self, pair: RunPair, chosen: Chosen) -> dict[str, np.ndarray]:
        """Return the common photos that this run moves into a cell and out of it, (m,) each."""
        answers = pair.common.answers[:3]
        came, left = find_moved(*answers, chosen.true, chosen.predicted)
        return {"came": came, "left": left}

    @property
    def has_features(self) -> bool:
        """Whether the features of the run are cached."""
        features = self.result.features_id
        return bool(features) and is_kept(cache.workspace(), features)

    @cache.cached_by(lambda page, *_: (cache.run_key(page), page.has_features), most=512)
    def find_typical(self, number: int, top: int) -> TypicalPhotos:
        """Return the most typical training photos of a class, among the correctly predicted."""
        result, train = self.result, self.result.draw_photos("train")
        mine = train[result.labels[train] == number]
        mine = mine[result.scores[mine].argmax(axis=1) == number]
        try:
            features = read_run_features(cache.workspace(), result)[mine]
        except FeaturesMissing:
            surest = np.argsort(-result.scores[mine, number], kind="stable")[:top]
            return TypicalPhotos(mine[surest], by_features=False)
        chosen = find_typical(np.asarray(features, dtype=np.float32), top)
        return TypicalPhotos(mine[chosen], by_features=True)


def read_against(run: RunRecord) -> Against:
    """Read the run to compare with, and the runs to choose from."""
    others = [one for one in list_done() if one.id != run.id]
    # Runs on the same photos come first: any other may have none in common.
    others.sort(key=lambda one: one.recipe.dataset != run.recipe.dataset)
    known = {one.id: one for one in others}
    return Against(known, known.get(choose_from("against", [*known, run.id], "")))


def read_confusion(run: RunRecord, split: str, other: RunRecord | None) -> ConfusionPage:
    """Read everything about a run, or about its difference to another run."""
    pair = None if other is None else _pair_runs(run, other, split)
    if pair is None:
        result = cache.result(run.id)
        photos, classes = result.photo_numbers(split), result.classes
        answers = result.scores[photos].argmax(axis=1)
        matrix = count_confusions(result.labels[photos], answers, len(classes))
    else:
        classes = pair.common.classes
        matrix = pair.change.after + pair.change.before
    of = tuple((one.id, cache.result_key(one.id)) for one in (run, other) if one)
    parts = find_parts((*of, split), matrix, classes)
    part = choose_from("among", parts, choose_part(parts, len(classes)))
    order = cast("Order", choose_from("order", get_args(Order), "name"))
    arranged = find_order((*of, split), order, matrix, classes)
    arranged = arranged[np.isin(arranged, parts[part].classes)]
    return ConfusionPage(
        run=run,
        split=split,
        pair=pair,
        classes=classes,
        matrix=matrix,
        parts=parts,
        part=part,
        order=order,
        arranged=arranged,
        zoom=read_zoom(len(arranged), _name_matrix(run, other, split)),
        value=cast("Value", choose_from("cells", get_args(Value), "count")),
        hide_diagonal=choose_from("diagonal", ["hidden"], "") == "hidden",
        chosen=_read_chosen(classes),
    )


def choose(classes: Sequence[str], true: int | None, predicted: int | None) -> None:
    """Write the chosen row, column or cell into the URL; None removes it."""
    keep_choice("true", None if true is None else classes[true])
    keep_choice("predicted", None if predicted is None else classes[predicted])


def forget_row() -> None:
    """Clear the tick in the list, after a choice elsewhere."""
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


def _pair_runs(run: RunRecord, other: RunRecord, split: str) -> RunPair:
    compared = compare_runs(other, run, split)
    common, comparison = compared.common, compared.comparison
    k, gained = len(common.classes), count(comparison.gained, "photo")
    return RunPair(
        compared=compared,
        change=Change(
            before=count_confusions(common.labels, common.predictions_a, k),
            after=count_confusions(common.labels, common.predictions_b, k),
            classes=common.classes,
            names=(f"run {other.number}", f"run {run.number}"),
            title=f"Run {run.number} against run {other.number}: {gained} gained, "
            f"{comparison.lost:,} lost",
        ),
    )


def _read_chosen(classes: Sequence[str]) -> Chosen | None:
    """Read the chosen classes; refuse a link to an unknown one."""
    names = ("true", "predicted")
    if any(name in st.query_params for name in names):  # a link to a row names no column
        stated = [st.query_params.get(name) for name in names]
    else:
        stated = [read_choice(name) for name in names]
    for name, one in zip(names, stated, strict=True):
        if one and one not in classes and is_linked(name):
            refuse_link(f"The run has no class “{plain(one, 40)}”.", *names)
    true, predicted = (classes.index(one) if one in classes else None for one in stated)
    if true is None and predicted is None:
        return None
    choose(classes, true, predicted)
    return Chosen(true, predicted)


def _name_matrix(run: RunRecord, other: RunRecord | None, split: str) -> str:
    return ".".join((run.id, *((other.id,) if other else ()), split))


def _cut(arranged: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    return arranged[ends[0] : ends[1] + 1]
