"""What leakage does to the numbers of a run: its metrics with and without the leaking photos."""

import pandas as pd
import streamlit as st

from core.datasets.quality.leakage import Comparison
from core.evaluation.metrics import Evaluation
from core.formats import count, percent
from core.ui.parts.charts import show_kept_chart, show_table_behind
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import name_runs
from core.ui.parts.seal import open_test
from core.ui.parts.state import bind_choice
from core.ui.quality.charts import draw_leak_effect
from core.ui.quality.reading import LeakEffect, QualityPage, read_leak_effect


def show_leak_effect(page: QualityPage) -> None:
    """Draw the metrics of a chosen run with and without the photos that have a twin in train."""
    st.subheader("What it does to the numbers", anchor=False)
    effect = read_leak_effect(page)
    if effect is None:
        st.caption("No run of this dataset is done yet: train one, and see here what leaks do.")
        link_page("training", "Train a model", "model_training")
        return
    _show_choices(effect)
    if effect.sealed:
        st.caption(
            "The test split of this run is sealed: look once, when the model is chosen; each "
            "opening is counted. Which test photos leak is listed above without looking at any "
            "score."
        )
        st.button(
            "Open the test split",
            icon=":material/lock_open:",
            on_click=open_test,
            args=([effect.run.id],),
        )
        return
    split, n = effect.split, len(effect.photos)
    if n == 0:
        st.info(f"This run has no {split} photos.", icon=":material/info:")
    elif len(effect.leaking) == 0:
        st.success(
            f"No {split} photo has a twin in train: nothing is too good here, n = {n:,}.",
            icon=":material/check_circle:",
        )
    elif len(effect.leaking) == n:
        st.warning(f"Every {split} photo has a twin in train: no honest number is left.")
    else:
        _show_comparison(effect.compare(), split)


def _show_choices(effect: LeakEffect) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Run",
            list(effect.runs),
            format_func=name_runs(effect.runs.values()).__getitem__,
            **bind_choice("run", effect.run.id, key="quality.run"),
        )
        st.segmented_control(
            "Split",
            ["validation", "test"],
            default="validation",
            key="quality.split",
            required=True,
            width="content",
        )


def _show_comparison(comparison: Comparison, split: str) -> None:
    both = {f"all {split} photos": comparison.with_all, "without the leaking": comparison.without}
    rows = pd.DataFrame(
        [
            {"photos": name, "accuracy": e.accuracy, "low": e.accuracy_low}
            | {"high": e.accuracy_high, "n": e.n}
            for name, e in both.items()
        ]
    )
    st.markdown(_say_effect(comparison, split))
    show_kept_chart(
        draw_leak_effect,
        rows,
        alt="Accuracy with and without the leaking photos; the table below says the same.",
    )
    table = pd.DataFrame({name: _list_metrics(evaluation) for name, evaluation in both.items()})
    show_table_behind(table, "All metrics as a table")


def _say_effect(comparison: Comparison, split: str) -> str:
    before, after = comparison.with_all, comparison.without
    overlap = before.accuracy_low <= after.accuracy <= before.accuracy_high
    verdict = (
        "inside the 95 % interval: too few leak to change what one can say"
        if overlap
        else "outside the 95 % interval: the number with them is too good"
    )
    return (
        f"**{count(len(comparison.leaking), 'photo')} of {before.n:,} in {split} leak.** Accuracy "
        f"{percent(before.accuracy, before.n)} (n = {before.n:,}) becomes "
        f"{percent(after.accuracy, after.n)} (n = {after.n:,}) without them, {verdict}."
    )


def _list_metrics(evaluation: Evaluation) -> dict[str, str]:
    n = evaluation.n
    ends = (percent(evaluation.accuracy_low, n), percent(evaluation.accuracy_high, n))
    return {
        "Accuracy": percent(evaluation.accuracy, n),
        "95 % interval": " to ".join(ends),
        f"Top-{evaluation.top_k} accuracy": percent(evaluation.top_k_accuracy, n),
        "Balanced accuracy": percent(evaluation.balanced_accuracy, n),
        "Loss": f"{evaluation.loss:.3f}",
        "n": f"{n:,}",
    }
