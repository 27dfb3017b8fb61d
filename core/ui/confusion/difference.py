"""The difference of two runs' matrices on the photos that both answered, and the photos behind it.

The other run lives in the URL as `against`; what is chosen there is chosen as in one matrix. The
run of the page is "after", the other one "before".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.matrix_cells import describe_changes
from core.evaluation.comparison import Comparison
from core.evaluation.confusion import (
    Value,
    count_confusions,
    judge_difference,
    list_largest_changes,
    subtract_matrices,
)
from core.formats import count, plain
from core.runs.common_photos import CommonPhotos
from core.runs.store import RunRecord, list_runs
from core.ui.comparing.comparison import compare_runs
from core.ui.confusion.charts import list_changes
from core.ui.confusion.choice import Chosen, choose, turn_of_list
from core.ui.confusion.grid import GridCells
from core.ui.confusion.matrix import WAYS, show_cells
from core.ui.confusion.scope import Scope
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import keep_choice, read_choice

_MOST_CHANGES = 50


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """Two runs on their common photos of a split."""

    run: RunRecord
    other: RunRecord
    common: CommonPhotos
    comparison: Comparison

    @property
    def after(self) -> np.ndarray:
        """(k, k) counts of the run of the page."""
        return self._count(self.common.predictions_b)

    @property
    def before(self) -> np.ndarray:
        """(k, k) counts of the other run."""
        return self._count(self.common.predictions_a)

    @property
    def title(self) -> str:
        """What the difference shows, in plain text."""
        return (
            f"Run {self.run.number} against run {self.other.number}: "
            f"{count(self.comparison.gained, 'photo')} gained, {self.comparison.lost:,} lost"
        )

    def _count(self, predictions: np.ndarray) -> np.ndarray:
        return count_confusions(self.common.labels, predictions, len(self.common.classes))


def pick_other_run(run: RunRecord) -> RunRecord | None:
    """Draws the picker of the run that the matrix is compared with; returns it, or None."""
    others = {
        one.id: one
        for one in list_runs(cache.workspace())
        if one.state == "done" and one.id != run.id
    }
    # Runs on the same photos come first: any other may have none in common.
    ids = sorted(others, key=lambda one: others[one].recipe.dataset != run.recipe.dataset)
    key, stated = "confusion.against", read_choice("against")
    st.session_state[key] = stated if stated in ids else None
    st.selectbox(
        "Difference to",
        ids,
        index=None,
        key=key,
        placeholder="No other run",
        format_func=lambda one: describe_run(others[one]),
        on_change=partial(_keep, key),
        disabled=not ids,
        help="Shows what this run takes more or less often than the other one, on the photos that "
        "both have in this split.",
    )
    if stated and stated not in ids and stated != run.id:
        st.caption(":orange[The link compares with a run that is not here.]")
    chosen = st.session_state[key]
    return others[chosen] if chosen else None


def pair_runs(run: RunRecord, other: RunRecord, split: str) -> RunPair:
    """Returns both runs on their common photos; asks before test photos of the other are opened."""
    if split == "test":
        ask_before_test(other)
    common, comparison = compare_runs(other.id, run.id, split)
    return RunPair(run=run, other=other, common=common, comparison=comparison)


def show_difference(
    pair: RunPair,
    scope: Scope,
    *,
    name: str,
    value: Value,
    hide_diagonal: bool,
    chosen: Chosen | None,
    marked: int | None,
) -> None:
    """Draws the grid of the difference; its parameters are those of `show_matrix`."""
    classes = pair.common.classes
    st.markdown(f"**{plain(pair.title)}**")
    st.caption(
        "Each cell: what this run has more (+) or less (−) than the other one, on "
        f"{count(len(pair.common), 'photo')} that both answered. Rows: true class. Columns: "
        "predicted class.",
        help=WAYS,
    )
    difference = subtract_matrices(pair.after, pair.before, value)
    worth = judge_difference(difference)
    cells = list_changes(difference, worth, classes, scope.rows, scope.columns)
    changed = cells["change"].fillna(0.0).to_numpy() != 0
    described, legends = describe_changes(cells, value, hide_diagonal, is_dark())
    counts = np.ix_(scope.rows, scope.columns)
    sent = described[changed].assign(
        before=pair.before[counts].ravel()[changed], after=pair.after[counts].ravel()[changed]
    )
    drawn = GridCells(
        rows=scope.rows,
        columns=scope.columns,
        places=np.flatnonzero(changed),
        cells=sent.assign(said=_say_changes(sent, pair)),
        legends=legends,
    )
    show_cells(drawn, classes, scope, name=name, empty="no change", chosen=chosen, marked=marked)


def show_changes(pair: RunPair, *, name: str, looked_for: int | None) -> None:
    """Draws the cells that changed most as a list; a row chooses that cell.

    Args:
        pair: The two runs.
        name: Of the matrix, unlike that of any other.
        looked_for: Only the cells of this class, None for all.
    """
    classes = pair.common.classes
    st.markdown(
        "**Largest changes**"
        if looked_for is None
        else f"**What changed for {plain(classes[looked_for], 40)}**"
    )
    changes = list_largest_changes(pair.after, pair.before)
    if looked_for is not None:
        changes = changes[(changes["true"] == looked_for) | (changes["predicted"] == looked_for)]
    changes = changes.head(_MOST_CHANGES)
    if changes.empty:
        st.info("No cell changed.", icon=":material/equal:")
        return
    cells = changes[["true", "predicted"]].to_numpy().tolist()
    key = f"confusion.changes.{name}.{looked_for}.{turn_of_list()}"

    def take() -> None:
        ticked = st.session_state[key]["selection"]["rows"]
        if ticked:
            choose(classes, *cells[ticked[0]])

    _list_changes(pair, changes, key, take)
    st.caption(
        f"Photos; {count(len(pair.common), 'photo')} in all. Tick a row to see who came and left."
    )


def _keep(key: str) -> None:
    keep_choice("against", st.session_state[key])
    keep_choice("zoom", None)


def _say_changes(cells: pd.DataFrame, pair: RunPair) -> list[str]:
    return [
        f"true {true}, predicted {predicted}: {text}\n"
        f"run {pair.other.number}: {count(int(before), 'photo')} · "
        f"run {pair.run.number}: {count(int(after), 'photo')}"
        for true, predicted, text, before, after in zip(
            cells["true"],
            cells["predicted"],
            cells["text"],
            cells["before"],
            cells["after"],
            strict=True,
        )
    ]


def _list_changes(
    pair: RunPair, changes: pd.DataFrame, key: str, on_select: Callable[[], None]
) -> None:
    classes = pair.common.classes
    before, after = f"Run {pair.other.number}", f"Run {pair.run.number}"
    st.dataframe(
        pd.DataFrame(
            {
                "True": [classes[true] for true in changes["true"]],
                "Predicted": [classes[predicted] for predicted in changes["predicted"]],
                before: changes["before"].to_numpy(),
                after: changes["after"].to_numpy(),
                "Change": changes["change"].to_numpy(),
            }
        ),
        hide_index=True,
        key=key,
        on_select=on_select,
        selection_mode="single-row",
        height=min(520, 38 + 35 * len(changes)),
        column_config={
            "True": st.column_config.TextColumn(width=84),
            "Predicted": st.column_config.TextColumn(width=84),
            before: st.column_config.NumberColumn(width=56),
            after: st.column_config.NumberColumn(width=56),
            "Change": st.column_config.NumberColumn(format="%+d", width=56),
        },
        alt="Cells by how much they changed between the runs, in photos",
    )
