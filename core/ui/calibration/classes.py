"""What the thresholds do to each class, on the validation photos that chose them."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.prediction.deciding import DecisionRule, list_answered
from core.runs.store import RunRecord
from core.ui.calibration import reading as calibration_cache
from core.ui.parts import cache
from core.ui.parts.state import keep_choice


def show_classes(run: RunRecord, rule: DecisionRule) -> None:
    """Draws the threshold of each class, and what it does; a row chooses its answers."""
    target = st.session_state.get(f"calibration.class_target.{run.id}", 95) / 100
    table = calibration_cache.class_thresholds(run.id, rule.temperature, target)
    classes = cache.result(run.id).classes
    names = [classes[int(number)] for number in table["number"]]
    given, hits = _count_given(run, rule)
    given, hits = given[table["number"]], hits[table["number"]]
    ends = [wilson_interval(int(right), int(n)) for right, n in zip(hits, given, strict=True)]
    shown = pd.DataFrame(
        {
            "Class": names,
            "Threshold": [100 * rule.threshold_of(name) for name in names],
            "Its own": [name in rule.class_thresholds for name in names],
            "Answers": table["taken"],
            "Given": given,
            "Right": 100 * hits / np.where(given, given, np.nan),
            "95 % interval": [
                "" if np.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}"
                for low, high in ends
            ],
            "Verdict": table["verdict"],
        }
    )
    st.markdown("**Each class, on the validation photos**: choose a row to see its answers.")
    st.dataframe(
        shown,
        hide_index=True,
        height=min(400, 38 + 35 * len(shown)),
        key=f"calibration.classes.{run.id}",
        on_select=partial(_choose_class, f"calibration.classes.{run.id}", names),
        selection_mode="single-row",
        column_config={
            "Class": st.column_config.TextColumn(pinned=True),
            "Threshold": st.column_config.NumberColumn(format="%.0f %%"),
            "Answers": st.column_config.NumberColumn(help="Photos taken for the class."),
            "Given": st.column_config.NumberColumn(help="Of these, at or above the threshold."),
            "Right": st.column_config.NumberColumn(format="%.0f %%", help="Of the given answers."),
        },
        alt="Threshold of each class, and what it does on the validation photos",
    )


def _count_given(run: RunRecord, rule: DecisionRule) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many validation photos get each class as answer, and how many rightly: (k,)."""
    result = cache.result(run.id)
    photos = result.photo_numbers("validation")
    scores = calibration_cache.tempered(run.id, rule.temperature)[photos]
    answers, given = scores.argmax(axis=1), list_answered(rule, scores, result.classes)
    right = given & (answers == result.labels[photos])
    k = len(result.classes)
    return np.bincount(answers[given], minlength=k), np.bincount(answers[right], minlength=k)


def _choose_class(key: str, names: list[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    keep_choice("of", names[rows[0]] if rows else None)
