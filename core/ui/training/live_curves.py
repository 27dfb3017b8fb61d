"""The curves of a run, as the reader wants them, and what they say in words."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.learning import Learning, Verdict, judge_learning
from core.runs.events import curve
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.training.charts import draw_curves
from core.ui.training.curves_lines import Look, Overlay
from core.ui.training.curves_machine import draw_machine

_OVER = "over"
_MOST_OVERLAYS = 5
_NO_BAR = {"displayModeBar": False}
_ICONS: dict[Verdict, str] = {
    "early": ":material/hourglass_top:",
    "diverged": ":material/trending_up:",
    "stuck": ":material/horizontal_rule:",
    "learning": ":material/trending_down:",
    "overfitting": ":material/call_split:",
    "flat": ":material/trending_flat:",
    "unjudged": ":material/visibility_off:",
}


def show_curves(run: RunRecord, epochs: Sequence[dict[str, Any]]) -> None:
    """Draws the curves, the reader's choices about them, and what they say."""
    drawing = st.container()
    look, others = _pick_look(run)
    figure, machine = draw_figures(run, epochs, others, look)
    with drawing:
        said = judge(run, epochs)
        st.plotly_chart(
            figure,
            theme=None,
            key=f"curves.{run.id}",
            config=_NO_BAR,
            width="stretch",
            alt="Loss and accuracy of training and validation photos; the numbers stand below.",
        )
        show_words(said)
    if machine is not None:
        st.plotly_chart(
            machine,
            theme=None,
            key=f"machine.{run.id}",
            config=_NO_BAR,
            width="stretch",
            alt="Learning rate, training photos a second and memory per epoch.",
        )
    _show_table(epochs)


def draw_figures(
    run: RunRecord, epochs: Sequence[dict[str, Any]], others: Sequence[Overlay], look: Look
) -> tuple[go.Figure, go.Figure | None]:
    """Returns the curves and the machine's; drawn anew only when there is something new."""
    newest = tuple(
        (one.name, len(one.epochs), one.epochs[-1].get("time") if one.epochs else None)
        for one in (Overlay(run.id, epochs), *others)
    )
    return _draw_figures(
        newest, run.recipe.epochs, run.best_epoch, is_dark(), look, epochs, tuple(others)
    )


@st.cache_resource(max_entries=32, ttl=600, show_spinner=False)
def _draw_figures(
    newest: tuple[tuple[str, int, float | None], ...],  # noqa: ARG001 (part of the key)
    total_epochs: int,
    best_epoch: int | None,
    dark: bool,
    look: Look,
    _epochs: Sequence[dict[str, Any]],
    _others: tuple[Overlay, ...],
) -> tuple[go.Figure, go.Figure | None]:
    curves = draw_curves(_epochs, total_epochs, best_epoch, dark, others=_others, look=look)
    return curves, draw_machine(_epochs, dark, look=look)


def judge(run: RunRecord, epochs: Sequence[dict[str, Any]]) -> Learning:
    """Returns what the curves of the run say."""
    return judge_learning(
        epochs, run.best_epoch, run.val_photos or 0, ended=run.has_ended or not run.is_going
    )


def show_words(said: Learning) -> None:
    """Draws what the curves say."""
    head, colon, rest = said.sentence.partition(":")
    sentence = f"**{head}**{colon}{rest}" if colon else said.sentence
    st.markdown(f"{_ICONS[said.verdict]} {sentence} {said.gap_sentence}")


def _pick_look(run: RunRecord) -> tuple[Look, list[Overlay]]:
    """Draws the reader's choices and returns them."""
    left, middle, right = st.columns([4, 3, 6], vertical_alignment="bottom")
    axis = left.segmented_control(
        "Axis",
        ["epoch", "time"],
        default="epoch",
        key="training.axis",
        required=True,
        persist_state="session",
    )
    smoothing = middle.slider(
        "Smoothing",
        0.0,
        0.9,
        step=0.1,
        key="training.smoothing",
        persist_state="session",
        help="0: the points as they are. Smoothed lines are drawn over the faint points.",
    )
    with right:
        others = _pick_others(run)
    return Look(by_time=axis == "time", smoothing=float(smoothing)), others


def _pick_others(run: RunRecord) -> list[Overlay]:
    runs = {
        other.id: other
        for other in list_runs(cache.workspace())
        if other.id != run.id and other.epochs_done
    }
    if not runs:
        return []
    stated = [one for one in (read_choice(_OVER) or "").split(",") if one in runs]
    chosen = st.multiselect(
        "Compare with",
        list(runs),
        default=stated[:_MOST_OVERLAYS],
        format_func=lambda other: describe_run(runs[other]),
        max_selections=_MOST_OVERLAYS,
        key=f"training.over.{run.id}",
        placeholder="Lay other runs over it",
    )
    keep_choice(_OVER, ",".join(chosen) or None)
    return [
        Overlay(f"Run {runs[other].number}", curve(cache.event_tail(other).read()))
        for other in chosen
    ]


def _show_table(epochs: Sequence[dict[str, Any]]) -> None:
    with st.expander("As a table", icon=":material/table_rows:"):
        columns = {
            "epoch": "epoch",
            "phase": "phase",
            "loss": "train loss",
            "accuracy": "train accuracy",
            "val_loss": "validation loss",
            "val_accuracy": "validation accuracy",
            "learning_rate": "learning rate",
            "photos_per_second": "photos / s",
            "seconds": "seconds",
        }
        rows = [
            {title: epoch[name] for name, title in columns.items() if name in epoch}
            for epoch in epochs
        ]
        st.dataframe(rows, hide_index=True, alt="The numbers behind the curves, one row an epoch")
