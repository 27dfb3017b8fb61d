"""What the rule does to a split: what is answered, what goes to a person, and which photos."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import FeaturesMissing
from core.evaluation.coverage import (
    OperatingPoint,
    area_under_risk,
    measure_point,
    thin_coverage,
    trace_coverage,
)
from core.formats import count, interval, percent, plain
from core.prediction.deciding import DecisionRule, list_answered
from core.runs.store import RunRecord
from core.ui.calibration import reading as calibration_cache
from core.ui.calibration.charts import draw_coverage
from core.ui.calibration.classes import show_classes
from core.ui.calibration.picks import pick_one
from core.ui.calibration.scores import describe_answer
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice, read_choice
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


def show_coverage(run: RunRecord, split: str, rule: DecisionRule) -> None:
    """Draws what is answered and what is right of it."""
    judged = _judge(run, split, rule)
    point = measure_point(judged.answered, judged.right)
    _show_point(point, split, int(judged.unlike.sum()))
    tops, right = judged.scores.max(axis=1, initial=0.0), judged.right
    curve = trace_coverage(tops, right)
    st.altair_chart(
        draw_coverage(
            thin_coverage(curve),
            (point.coverage, point.accuracy) if point.answered else None,
            f"{split.capitalize()} photos, n = {point.n:,}",
            is_dark(),
        ),
        theme=None,
        alt="Share of right answers against the share of photos answered; as a table below.",
    )
    error = 1 - float(right.mean()) if len(right) else float("nan")
    st.caption(
        f"Area under the risk (mean share of wrong answers over all coverages): "
        f"{percent(area_under_risk(tops, right), point.n)}; with photos answered in random order "
        f"it would be {percent(error, point.n)}."
    )
    _show_points_table(curve)
    if rule.class_thresholds:
        show_classes(run, rule)


class _Judged(NamedTuple):
    """What the rule does to each photo of a split."""

    photos: np.ndarray
    scores: np.ndarray
    right: np.ndarray
    answered: np.ndarray
    unlike: np.ndarray


def _judge(run: RunRecord, split: str, rule: DecisionRule) -> _Judged:
    result = cache.result(run.id)
    photos = result.photo_numbers(split)
    scores = calibration_cache.tempered(run.id, rule.temperature)[photos]
    unlike = _list_unlike(run, rule, photos)
    return _Judged(
        photos=photos,
        scores=scores,
        right=scores.argmax(axis=1) == result.labels[photos],
        answered=list_answered(rule, scores, result.classes) & ~unlike,
        unlike=unlike,
    )


def _list_unlike(run: RunRecord, rule: DecisionRule, photos: np.ndarray) -> np.ndarray:
    """Returns which photos the rule refuses as unlike, (m,) bool."""
    if rule.unlike_limit is None:
        return np.zeros(len(photos), dtype=bool)
    try:
        distances = calibration_cache.distances(run.id).distances[photos]
    except FeaturesMissing:
        return np.zeros(len(photos), dtype=bool)
    return np.asarray(distances > rule.unlike_limit)


def _show_point(point: OperatingPoint, split: str, unlike: int) -> None:
    n = point.n
    with st.container(horizontal=True, gap="medium"):
        st.metric("Answered", percent(point.coverage, n), width="content")
        st.metric("Right of these", percent(point.accuracy, point.answered), width="content")
        st.metric("Wrong, shown", f"{point.wrong:,}", width="content")
        st.metric("Sent to a person", f"{point.withheld:,}", width="content")
    notes = {
        "validation": " The rule was chosen on these photos, so it does a little worse on others.",
        "test": " Choose on validation photos: test photos choose nothing.",
    }
    st.caption(
        f"Answered: {interval(point.coverage_low, point.coverage_high, n)}. Right: "
        + (
            f"{interval(point.accuracy_low, point.accuracy_high, point.answered)}. "
            if point.answered
            else "nothing is answered. "
        )
        + f"Of the {point.withheld:,} sent, {point.right_withheld:,} would have been right"
        + (f"; {unlike:,} are like nothing in training." if unlike else ".")
        + notes.get(split, "")
    )


def _show_points_table(curve: pd.DataFrame) -> None:
    with st.expander("Other thresholds as a table", icon=":material/table:"):
        rows = []
        for threshold in np.arange(0, 1.0001, 0.05):
            above = curve[curve["threshold"] >= threshold]
            last = above.iloc[-1] if len(above) else None
            rows.append(
                {
                    "Score at least": 100 * threshold,
                    "Answered": 0 if last is None else int(last["answered"]),
                    "Share": 0.0 if last is None else 100 * last["coverage"],
                    "Wrong": 0 if last is None else int(last["wrong"]),
                    "Right": None if last is None else 100 * last["accuracy"],
                }
            )
        form = st.column_config.NumberColumn(format="%.1f %%")
        whole = st.column_config.NumberColumn(format="%d %%")
        config = {"Score at least": whole, "Share": form, "Right": form}
        alt = "Photos answered and share of right answers at twenty thresholds"
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, alt=alt)


def _pick_answers(judged: _Judged, classes: Sequence[str]) -> np.ndarray:
    """Returns which photos are answered with the chosen class, (m,) bool; all without one."""
    of = read_choice("of")
    if of is None or of not in classes:
        return np.ones(len(judged.photos), dtype=bool)
    st.button(
        f"Answers: {plain(of, 40)}",
        icon=":material/close:",
        help="Show all classes",
        on_click=partial(keep_choice, "of", None),
    )
    return np.asarray(judged.scores.argmax(axis=1) == classes.index(of))


def show_photos(run: RunRecord, split: str, rule: DecisionRule) -> None:
    """Draws the photos behind the numbers: wrong answers, what is sent, what is sent in vain."""
    judged = _judge(run, split, rule)
    wrong = judged.answered & ~judged.right
    kinds = {
        "wrong": wrong,
        "sent": ~judged.answered,
        "sent-right": ~judged.answered & judged.right,
    }
    st.subheader("Photos", anchor=False)
    chosen = _pick_answers(judged, cache.result(run.id).classes)
    kinds = {name: kind & chosen for name, kind in kinds.items()}
    names = {name: f"{_KINDS[name]} ({rows.sum():,})" for name, rows in kinds.items()}
    kind = pick_one("photos", "Photos", names, "wrong")
    rows = np.flatnonzero(kinds[kind])
    if not len(rows):
        st.info("No photo.", icon=":material/check_circle:")
        return
    tops, answers = judged.scores.max(axis=1), judged.scores.argmax(axis=1)
    rows = rows[np.argsort(-tops[rows], kind="stable")]
    photos = judged.photos[rows]
    st.caption(f"{count(len(rows), 'photo')}. {_MEANINGS[kind]}")
    result = cache.result(run.id)
    said = {
        int(photo): describe_answer(result, int(photo), int(answers[row]), tops[row])
        for photo, row in zip(photos, rows, strict=True)
    }
    dataset = cache.dataset(run.recipe.dataset)
    show_gallery(dataset, photos, key="calibration", captions=said.__getitem__)
