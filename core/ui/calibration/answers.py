"""The view “Answers” of the page Calibration: the effect of the rule on a split, and its photos."""

from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    format_share,
    style_altair,
    title_params,
)
from core.evaluation.coverage import OperatingPoint, measure_point, thin_coverage, trace_coverage
from core.formats import count, percent
from core.prediction.deciding import DecisionRule, say_answers
from core.ui.calibration.reading import CalibrationPage
from core.ui.parts.charts import show_folded, show_kept_chart, show_metrics
from core.ui.parts.pickers import pick_linked
from core.ui.photos.gallery import show_gallery

_KINDS = {
    "wrong": "Wrong answers",
    "sent": "Deferred",
    "sent-right": "Deferred, but correct",
}
_CHOSEN_HERE = {
    "validation": " The rule was chosen on these photos: expect slightly lower accuracy on others.",
    "test": " Do not choose a rule by test photos.",
}


def show_answers(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the accuracy of the answers and the share of photos that are answered."""
    judged, split = page.judge_answers(rule), page.split
    point = measure_point(judged.answered, judged.right)
    _show_point(point, split, int(judged.unlike.sum()))
    tops = judged.scores.max(axis=1, initial=0.0)
    curve = trace_coverage(tops, judged.right)
    show_kept_chart(
        draw_coverage,
        thin_coverage(curve),
        (point.coverage, point.accuracy) if point.answered else None,
        f"{split.capitalize()} photos, n = {point.n:,}",
        alt="Accuracy of the answers against the share of photos answered; as a table below.",
    )
    show_folded("As a table", partial(_show_points_table, curve))


def _show_point(point: OperatingPoint, split: str, unlike: int) -> None:
    figures = {
        "Answered": percent(point.coverage, point.n),
        "Accuracy of these": percent(point.accuracy, point.answered),
        "Wrong": f"{point.wrong:,}",
        "Deferred": f"{point.withheld:,}",
    }
    show_metrics(figures, gap="medium")
    ood = f", {unlike:,} are out of distribution" if unlike else ""
    said = say_answers(point) if split != "validation" else ""  # there it is beside the slider
    st.caption(
        f"{said} {point.withheld:,} deferred: {point.right_withheld:,} would have "
        f"been correct{ood}.{_CHOSEN_HERE.get(split, '')}"
    )


def _show_points_table(curve: pd.DataFrame) -> None:
    none = pd.Series({"answered": 0, "coverage": 0.0, "wrong": 0, "accuracy": np.nan})
    thresholds = np.arange(0, 1.0001, 0.05)
    reached = [curve[curve["threshold"] >= one] for one in thresholds]
    table = pd.DataFrame([one.iloc[-1] if len(one) else none for one in reached])
    shown = pd.DataFrame(
        {
            "Threshold": 100 * thresholds,
            "Answered": table["answered"].astype(int).to_numpy(),
            "Share": 100 * table["coverage"].to_numpy(),
            "Wrong": table["wrong"].astype(int).to_numpy(),
            "Accuracy": 100 * table["accuracy"].to_numpy(),
        }
    )
    form = st.column_config.NumberColumn(format="%.1f %%")
    whole = st.column_config.NumberColumn(format="%d %%")
    config = {"Threshold": whole, "Share": form, "Accuracy": form}
    alt_text = "Photos answered and their accuracy at twenty thresholds"
    st.dataframe(shown, hide_index=True, column_config=config, alt=alt_text)


def show_answer_photos(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the photos behind the numbers: wrong answers and deferred photos."""
    judged = page.judge_answers(rule)
    kinds = {
        "wrong": judged.answered & ~judged.right,
        "sent": ~judged.answered,
        "sent-right": ~judged.answered & judged.right,
    }
    st.subheader("Photos", anchor=False)
    names = {name: f"{_KINDS[name]} ({rows.sum():,})" for name, rows in kinds.items()}
    kind = pick_linked("Photos", names, "photos", "calibration.photos")
    rows = np.flatnonzero(kinds[kind])
    if not len(rows):
        st.info("No photos.", icon=":material/check_circle:")
        return
    rows = rows[np.argsort(-judged.scores[rows].max(axis=1), kind="stable")]
    st.caption(f"{count(len(rows), 'photo')}, the highest score first.")
    show_answered(page, rows, judged.scores, key="calibration")


def show_answered(page: CalibrationPage, rows: np.ndarray, scores: np.ndarray, *, key: str) -> None:
    """Draw photos of the split (by row), each with its answer and score."""

    def describe(photo: int) -> str:
        own = scores[int(np.searchsorted(page.numbers, photo))]
        return page.describe_answer(photo, int(own.argmax()), float(own.max()))

    show_gallery(page.dataset, page.numbers[rows], key=key, captions=describe)


_TIPS = [
    alt.Tooltip("at:N", title="threshold"),
    alt.Tooltip("share:N", title="photos answered"),
    alt.Tooltip("right:N", title="accuracy of these"),
    alt.Tooltip("wrong:Q", title="wrong answers", format=","),
]


def draw_coverage(
    curve: pd.DataFrame, chosen: tuple[float, float] | None, name: str, dark: bool = False
) -> Any:
    """Return the accuracy of the answers against the share of photos answered, with intervals.

    Args:
        curve: As returned by `core.evaluation.coverage.thin_coverage`; at least one row.
        chosen: (coverage, accuracy) of the rule, marked in the chart.
        name: Name of the photos, such as "Validation photos".
    """
    colours = choose_palette(dark)
    rows = curve.assign(
        at=[format_share(value) for value in curve["threshold"]],
        share=[format_share(value) for value in curve["coverage"]],
        right=[format_share(value) for value in curve["accuracy"]],
    )
    low = float(np.floor(10 * min(rows["accuracy_low"].min(), 0.9)) / 10)
    share = {"labelExpr": PERCENT_LABELS, "tickCount": 5}
    x = {
        "scale": alt.Scale(domain=[0, 1], nice=False),
        "axis": alt.Axis(**share, grid=False),
        "title": "photos answered",
    }
    y = {
        "scale": alt.Scale(domain=[low, 1], nice=False, clamp=True),
        "axis": alt.Axis(**share),
        "title": "accuracy of these",
    }
    base = alt.Chart(rows).encode(x=alt.X("coverage:Q", **x), tooltip=_TIPS)
    band = base.mark_area(color=colours.accent, opacity=0.18).encode(
        y=alt.Y("accuracy_low:Q", **y), y2="accuracy_high:Q"
    )
    line = base.mark_line(color=colours.accent, strokeWidth=2).encode(y=alt.Y("accuracy:Q", **y))
    layers = [band, line]
    if chosen is not None:
        mark = alt.Chart(pd.DataFrame([chosen], columns=["coverage", "accuracy"]))
        mark = mark.encode(x="coverage:Q")
        dot = mark.mark_point(filled=True, size=110, color=colours.ink, opacity=1)
        layers += [mark.mark_rule(color=colours.ink, strokeDash=[4, 3]), dot.encode(y="accuracy:Q")]
    title = title_params(
        "Accuracy against photos answered", f"{name}. Band: 95 % intervals. Dot: the rule"
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=300)
