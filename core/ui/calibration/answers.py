"""What the rule does to a split: what is answered, what goes to a person, and which photos."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.coverage import (
    OperatingPoint,
    area_under_risk,
    measure_point,
    thin_coverage,
    trace_coverage,
)
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent, percent_ranges, plain
from core.prediction.deciding import DecisionRule, reach_threshold
from core.ui.calibration.charts import draw_coverage
from core.ui.calibration.reading import CalibrationPage
from core.ui.parts.charts import show_kept_chart, show_metrics
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import choose_by_row, keep_choice, read_choice
from core.ui.photos.gallery import show_gallery

_KINDS = {
    "wrong": "Wrong answers shown",
    "sent": "Sent to a person",
    "sent-right": "Sent, but right",
}
_MEANINGS = {
    "wrong": "Answered, and wrong: the surest first.",
    "sent": "Not answered: the surest first.",
    "sent-right": "Not answered, though the answer would have been right: the surest first.",
}


def show_answers(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw what is answered and what is right of it."""
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
        alt="Share of right answers against the share of photos answered; as a table below.",
    )
    error = 1 - float(judged.right.mean()) if point.n else float("nan")
    st.caption(
        f"Area under the risk (mean share of wrong answers over all coverages): "
        f"{percent(area_under_risk(tops, judged.right), point.n)}; with photos answered in "
        f"random order it would be {percent(error, point.n)}."
    )
    _show_points_table(curve)
    if rule.class_thresholds:
        _show_classes(page, rule)


def _show_point(point: OperatingPoint, split: str, unlike: int) -> None:
    n = point.n
    figures = {
        "Answered": percent(point.coverage, n),
        "Right of these": percent(point.accuracy, point.answered),
        "Wrong, shown": f"{point.wrong:,}",
        "Sent to a person": f"{point.withheld:,}",
    }
    show_metrics(figures, gap="medium")
    notes = {
        "validation": " The rule was chosen on these photos, so it does a little worse on others.",
        "test": " Choose on validation photos: test photos choose nothing.",
    }
    right = "nothing is answered"
    if point.answered:
        right = interval(point.accuracy_low, point.accuracy_high, point.answered)
    st.caption(
        f"Answered: {interval(point.coverage_low, point.coverage_high, n)}. Right: {right}. "
        f"Of the {point.withheld:,} sent, {point.right_withheld:,} would have been right"
        + (f"; {unlike:,} are like nothing in training." if unlike else ".")
        + notes.get(split, "")
    )


def _show_points_table(curve: pd.DataFrame) -> None:
    with st.expander("Other thresholds as a table", icon=":material/table:"):
        none = pd.Series({"answered": 0, "coverage": 0.0, "wrong": 0, "accuracy": np.nan})
        thresholds = np.arange(0, 1.0001, 0.05)
        reached = [curve[curve["threshold"] >= one] for one in thresholds]
        table = pd.DataFrame([one.iloc[-1] if len(one) else none for one in reached])
        shown = pd.DataFrame(
            {
                "Score at least": 100 * thresholds,
                "Answered": table["answered"].astype(int).to_numpy(),
                "Share": 100 * table["coverage"].to_numpy(),
                "Wrong": table["wrong"].astype(int).to_numpy(),
                "Right": 100 * table["accuracy"].to_numpy(),
            }
        )
        form = st.column_config.NumberColumn(format="%.1f %%")
        whole = st.column_config.NumberColumn(format="%d %%")
        config = {"Score at least": whole, "Share": form, "Right": form}
        alt = "Photos answered and share of right answers at twenty thresholds"
        st.dataframe(shown, hide_index=True, column_config=config, alt=alt)


def _show_classes(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the threshold of each class, and what it does; a row chooses its answers."""
    table = page.find_class_thresholds(rule.temperature, page.class_target)
    names = [page.result.classes[int(number)] for number in table["number"]]
    given, hits = (counts[table["number"]] for counts in _count_given(page, rule))
    ends = [wilson_interval(int(right), int(n)) for right, n in zip(hits, given, strict=True)]
    shown = pd.DataFrame(
        {
            "Class": names,
            "Threshold": [100 * rule.threshold_of(name) for name in names],
            "Its own": [name in rule.class_thresholds for name in names],
            "Answers": table["taken"],
            "Given": given,
            "Right": 100 * hits / np.where(given, given, np.nan),
            "95 % interval": percent_ranges(*zip(*ends, strict=True)),
            "Verdict": table["verdict"],
        }
    )
    number = st.column_config.NumberColumn

    def choose(row: int | None) -> None:
        keep_choice("of", None if row is None else names[row])

    st.markdown("**Each class, on the validation photos**: choose a row to see its answers.")
    st.dataframe(
        shown,
        hide_index=True,
        height=min(400, 38 + 35 * len(shown)),
        column_config={
            "Class": st.column_config.TextColumn(pinned=True),
            "Threshold": number(format="%.0f %%"),
            "Answers": number(help="Photos taken for the class."),
            "Given": number(help="Of these, at or above the threshold."),
            "Right": number(format="%.0f %%", help="Of the given answers."),
        },
        alt="Threshold of each class, and what it does on the validation photos",
        **choose_by_row(f"calibration.classes.{page.run.id}", choose),
    )


def _count_given(page: CalibrationPage, rule: DecisionRule) -> tuple[np.ndarray, np.ndarray]:
    """Return how many validation photos get each class as answer, and how many rightly: (k,)."""
    result, photos = page.result, page.validation
    scores = page.temper(rule.temperature, "validation")
    answers, given = scores.argmax(axis=1), reach_threshold(rule, scores, result.classes)
    right = given & (answers == result.labels[photos])
    k = len(result.classes)
    return np.bincount(answers[given], minlength=k), np.bincount(answers[right], minlength=k)


def _pick_class(page: CalibrationPage) -> int | None:
    """Return the class whose answers are looked at, with the way back to all; None: all."""
    of, classes = read_choice("of"), page.result.classes
    if of is None or of not in classes:
        return None
    st.button(
        f"Answers: {plain(of, 40)}",
        icon=":material/close:",
        help="Show all classes",
        on_click=partial(keep_choice, "of", None),
    )
    return classes.index(of)


def show_answer_photos(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the photos behind the numbers: wrong answers, what is sent, what is sent in vain."""
    judged = page.judge_answers(rule)
    kinds = {
        "wrong": judged.answered & ~judged.right,
        "sent": ~judged.answered,
        "sent-right": ~judged.answered & judged.right,
    }
    st.subheader("Photos", anchor=False)
    if (of := _pick_class(page)) is not None:
        answers = judged.scores.argmax(axis=1)
        kinds = {name: kind & (answers == of) for name, kind in kinds.items()}
    names = {name: f"{_KINDS[name]} ({rows.sum():,})" for name, rows in kinds.items()}
    kind = pick_linked("Photos", names, "photos", "calibration.photos")
    rows = np.flatnonzero(kinds[kind])
    if not len(rows):
        st.info("No photo.", icon=":material/check_circle:")
        return
    rows = rows[np.argsort(-judged.scores[rows].max(axis=1), kind="stable")]
    st.caption(f"{count(len(rows), 'photo')}. {_MEANINGS[kind]}")
    show_answered(page, rows, judged.scores, key="calibration")


def show_answered(page: CalibrationPage, rows: np.ndarray, scores: np.ndarray, *, key: str) -> None:
    """Draw photos of the split, by their places in it, each with its answer and the score of it."""

    def describe(photo: int) -> str:
        own = scores[int(np.searchsorted(page.numbers, photo))]
        return page.describe_answer(photo, int(own.argmax()), float(own.max()))

    show_gallery(page.dataset, page.numbers[rows], key=key, captions=describe)
