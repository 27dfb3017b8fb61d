"""The view “Scores” of the page Calibration: reliability diagrams and their figures."""

import math
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.slices import BIN, draw_reliability
from core.evaluation.calibration import BINS, FEWEST_TO_FIT, Calibration
from core.evaluation.intervals import FEWEST_FOR_MEAN
from core.formats import count, percent
from core.prediction.deciding import DecisionRule
from core.ui.calibration.answers import show_answered
from core.ui.calibration.reading import CalibrationPage
from core.ui.parts.charts import show_folded, show_kept_chart
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import (
    choose_by_row,
    keep_choice,
    read_choice,
    read_chosen_mark,
    read_number,
    refuse_value,
)

_BINNINGS = {"width": "Equal width", "count": "Equal counts"}
_RAW = "Raw scores"


def show_scores(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw reliability diagrams and figures of the raw and of the calibrated scores."""
    about = f"{BINS} bins of the score, of equal width or with equally many photos."
    pick_linked("Bins", _BINNINGS, "bins", "calibration.bins", explanation=about)
    before, after = page.judge_scores(rule)
    _show_verdict(before, after, page.split)
    sides = st.columns(2, gap="medium") if after else [st.container()]
    where = f"{page.run.id}.{page.split}.{page.binning}"
    with sides[0]:
        _show_diagram(before, _RAW, f"raw.{where}")
    if after:
        name = f"Calibrated, temperature {rule.temperature:.2f}"
        with sides[1]:
            _show_diagram(after, name, f"calibrated.{where}")
    st.caption("Click a bin to see its photos below.")
    columns = {_RAW: before} | ({"Calibrated": after} if after else {})
    table = pd.DataFrame({name: _list_numbers(one) for name, one in columns.items()})
    st.dataframe(
        table.rename_axis("Measure").reset_index(),
        hide_index=True,
        width="stretch",
        column_config={"Measure": st.column_config.TextColumn(width=230, pinned=True)},
        alt="Calibration error, loss and Brier score",
    )
    st.caption(
        f"n = {before.n:,}; 95 % intervals in brackets.",
        help="Calibration error: mean gap between score and accuracy over the bins, weighted by "
        "photos. Its interval is approximate. With few photos, the error is large even by chance.",
    )
    show_folded("As a table", partial(_show_bins_tables, before, after, where))


def show_bin_photos(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the photos of the chosen bin, wrong ones first."""
    stated = read_choice("bin") or ""
    which, _, position = stated.partition("-")
    before, after = page.judge_scores(rule)
    judged = after if which == "calibrated" else before
    if judged is None or read_number(position, len(judged.bins)) is None:
        refuse_value("bin")
        return
    keep_choice("bin", stated)
    scores = page.list_scores(rule, which)
    tops, answers = scores.max(axis=1), scores.argmax(axis=1)
    low, high = judged.bins[["low", "high"]].to_numpy()[int(position)]
    # A score on an end is in the lower bin.
    above = tops > low if int(position) else tops >= low
    rows = np.flatnonzero(above & (tops <= high))
    right = answers[rows] == page.result.labels[page.numbers[rows]]
    rows = rows[np.lexsort((-tops[rows], right))]
    st.subheader(f"Scores from {100 * low:.0f} to {100 * high:.0f} %", anchor=False)
    st.caption(f"{count(len(rows), 'photo')}, {int(right.sum()):,} correct; wrong ones first.")
    show_answered(page, rows, scores, key="bin")


def _show_verdict(before: Calibration, after: Calibration | None, split: str) -> None:
    judged, name = (after, "Calibrated scores") if after else (before, _RAW)
    gap, error = 100 * (judged.mean_score - judged.accuracy), judged.error.value
    if error <= judged.error_by_chance:
        said = "well calibrated, as far as these photos show."
    elif abs(gap) < 50 * error:
        said = f"off by {100 * error:.1f} points, too high in some bins, too low in others."
    else:
        sense = "over-confident" if gap > 0 else "under-confident"
        said = f"{sense} by {abs(gap):.1f} points on average."
    st.markdown(f"**{name}: {said}**")
    if split == "validation" and after:
        st.caption("Cross-fitted: each photo's temperature was fitted on other validation photos.")
    elif split == "train":
        st.caption("The run was trained on these photos: scores of new photos fit less well.")
    elif before.n < FEWEST_TO_FIT:
        st.caption(f"Only {count(before.n, 'photo')}: the intervals are wide.")


def _show_diagram(one: Calibration, name: str, where: str) -> None:
    key, which = f"calibration.{where}", where.partition(".")[0]

    def choose() -> None:
        chosen = read_chosen_mark(key, BIN)
        keep_choice("bin", f"{which}-{int(chosen['position'])}" if chosen else None)

    show_kept_chart(
        draw_reliability,
        one.bins,
        name,
        key=key,
        on_select=choose,
        selection_mode=BIN,
        alt=f"{name}: accuracy in bins of the score; as a table below.",
    )


def _list_numbers(one: Calibration) -> dict[str, str]:
    n, error, loss, brier = one.n, one.error, one.loss, one.brier
    return {
        "Mean score": percent(one.mean_score, n),
        "Accuracy": percent(one.accuracy, n),
        "Calibration error": f"{100 * error.value:.1f} points "
        f"[{100 * error.low:.1f} to {100 * error.high:.1f}]",
        "95 % limit if perfectly calibrated": f"{100 * one.error_by_chance:.1f} points",
        "Loss": f"{loss.value:.3f} "
        + (
            f"[no interval: fewer than {FEWEST_FOR_MEAN} photos]"
            if math.isnan(loss.low)
            else f"[{loss.low:.3f} to {loss.high:.3f}]"
        ),
        "Brier score": f"{brier.value:.3f} [{brier.low:.3f} to {brier.high:.3f}]",
    }


def _show_bins_tables(before: Calibration, after: Calibration | None, where: str) -> None:
    _show_bins_table(_RAW, before, "raw", where)
    if after:
        _show_bins_table("Calibrated", after, "calibrated", where)


def _show_bins_table(name: str, one: Calibration, which: str, where: str) -> None:
    bins = one.bins
    table = pd.DataFrame(
        {
            "Score from": 100 * bins["low"],
            "to": 100 * bins["high"],
            "Photos": bins["n"],
            "Mean score": 100 * bins["mean_score"],
            "Accuracy": 100 * bins["accuracy"],
            "95 % from": 100 * bins["accuracy_low"],
            "95 % to": 100 * bins["accuracy_high"],
        }
    )
    form = st.column_config.NumberColumn(format="%.0f %%")

    def choose(row: int | None) -> None:
        keep_choice("bin", None if row is None else f"{which}-{row}")

    st.markdown(f"**{name}**")
    st.dataframe(
        table,
        hide_index=True,
        column_config={column: form for column in table.columns if column != "Photos"},
        alt=f"{name}: bins of the score and their accuracy",
        **choose_by_row(f"calibration.table.{which}.{where}", choose),
    )
