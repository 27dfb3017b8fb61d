"""The list beside the matrix: the most confused pairs, or what changed most between two runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.formats import count, percent, plain
from core.ui.confusion.reading import ConfusionPage, RunPair, choose
from core.ui.parts.state import choose_by_row

WIDE_ABOVE = 30
"""Number of classes above which the matrix takes the whole width."""
_ALTS = {
    "pairs": "Pairs of classes by how often the first is taken for the second",
    "changes": "Cells by how much they changed between the runs, in photos",
}
_CLEARED = "confusion.cleared"
"""Session key of a number in the list's key: another one is a list without a tick."""


def forget_row() -> None:
    """Take the tick off the list, when something was chosen elsewhere."""
    st.session_state[_CLEARED] = st.session_state.get(_CLEARED, 0) + 1


def show_pairs(page: ConfusionPage) -> None:
    """Draw the most confused pairs, or those of the class looked for; a row chooses that cell."""
    pairs = page.pairs
    if page.looked_for is None:
        st.markdown("**Most confused pairs**")
        said = "No photo of this split is confused."
    else:
        of_class = int(page.matrix[page.looked_for].sum())
        right = int(page.matrix[page.looked_for, page.looked_for])
        st.markdown(f"**What {plain(page.classes[page.looked_for], 40)} is confused with**")
        if of_class:
            st.caption(f"{right:,} of its {count(of_class, 'photo')} recognised.")
        said = "None of its photos is taken for another class, and none of another class for it."
    if pairs.empty:
        st.success(said, icon=":material/check_circle:")
        return
    numbers = {one: place for place, one in enumerate(page.classes)}
    true, predicted = pairs["true"].map(numbers), pairs["predicted"].map(numbers)
    shares = list(zip(pairs["count"].tolist(), pairs["support"].tolist(), strict=True))
    table = pairs[["true", "predicted"]].assign(
        photos=[f"{photos:,} of {n:,}" for photos, n in shares],
        share=[_say_share(photos, n) for photos, n in shares],
    )
    narrow = 80 if len(page.classes) <= WIDE_ABOVE else 92
    config = {
        "true": st.column_config.TextColumn("True", width=narrow),
        "predicted": st.column_config.TextColumn("Taken for", width=narrow),
        "photos": st.column_config.TextColumn("Photos", width=58, help="Of all of the true class."),
        "share": st.column_config.TextColumn(
            "Share", width=98, help="Of the photos of the true class, with the 95 % interval."
        ),
    }
    _show_list(page, "pairs", table, config, list(zip(true, predicted, strict=True)))
    st.caption("Tick a row to see its photos.")


def _say_share(photos: int, n: int) -> str:
    low, high = (percent(end, n)[:-2] for end in wilson_interval(photos, n))
    return f"{percent(photos / n, n)} ({low} to {high})"


def show_changes(page: ConfusionPage, pair: RunPair) -> None:
    """Draw the cells that changed most, all or of the class looked for; a row chooses that cell."""
    classes, changes = page.classes, page.changes
    if page.looked_for is None:
        st.markdown("**Largest changes**")
    else:
        st.markdown(f"**What changed for {plain(classes[page.looked_for], 40)}**")
    if changes.empty:
        st.info("No cell changed.", icon=":material/equal:")
        return
    before, after = f"Run {pair.other.number}", f"Run {page.run.number}"
    table = pd.DataFrame(
        {
            "True": [classes[true] for true in changes["true"]],
            "Predicted": [classes[predicted] for predicted in changes["predicted"]],
            before: changes["before"].to_numpy(),
            after: changes["after"].to_numpy(),
            "Change": changes["change"].to_numpy(),
        }
    )
    config = {
        "True": st.column_config.TextColumn(width=84),
        "Predicted": st.column_config.TextColumn(width=84),
        before: st.column_config.NumberColumn(width=56),
        after: st.column_config.NumberColumn(width=56),
        "Change": st.column_config.NumberColumn(format="%+d", width=56),
    }
    cells = changes[["true", "predicted"]].to_numpy().tolist()
    _show_list(page, "changes", table, config, cells)
    photos = count(len(pair.common), "photo")
    st.caption(f"Photos; {photos} in all. Tick a row to see who came and left.")


def _show_list(
    page: ConfusionPage,
    name: str,
    table: pd.DataFrame,
    config: dict[str, Any],
    cells: Sequence[Sequence[int]],
) -> None:
    """Draw a table whose ticked row chooses its cell: true and predicted class number."""
    turn = int(st.session_state.get(_CLEARED, 0))

    def take(row: int | None) -> None:
        if row is not None:
            choose(page.classes, *cells[row])

    st.dataframe(
        table,
        hide_index=True,
        height=min(520, 38 + 35 * len(table)),
        column_config=config,
        alt=_ALTS[name],
        **choose_by_row(f"confusion.{name}.{page.name}.{page.looked_for}.{turn}", take),
    )
