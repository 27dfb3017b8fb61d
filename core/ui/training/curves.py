"""The curves of a run, as the reader wants them, and what they say in words."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.theme import choose_palette, style_altair, title_params
from core.evaluation.intervals import wilson_interval
from core.evaluation.learning import Learning, Verdict
from core.formats import count, interval, percent
from core.runs.store import RunRecord
from core.runs.training import formula
from core.runs.training.formula import RidgeChoice
from core.ui.parts import cache
from core.ui.parts.charts import show_plot
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.training.charts import Curves, Look, Overlay, draw_curves
from core.ui.training.machine_charts import draw_machine
from core.ui.training.reading import WatchedRun, list_others, read_overlay

_OVER = "over"
_MOST_OVERLAYS = 5
_ICONS: dict[Verdict, str] = {
    "early": ":material/hourglass_top:",
    "diverged": ":material/trending_up:",
    "stuck": ":material/horizontal_rule:",
    "learning": ":material/trending_down:",
    "overfitting": ":material/call_split:",
    "flat": ":material/trending_flat:",
    "unjudged": ":material/visibility_off:",
}


def show_curves(watched: WatchedRun) -> None:
    """Draw the curves, the reader's choices about them, and what they say."""
    drawing = st.container()
    look, others = _pick_look(watched.run)
    figure, machine = draw_figures(watched, others, look)
    with drawing:
        alt = "Loss and accuracy of training and validation photos; the numbers stand below."
        show_plot(figure, f"curves.{watched.run.id}", alt)
        show_words(watched.learning)
        st.caption(
            "Train and validation are measured after the epoch.",
            help="The running mean is what was seen while the weights still changed, with dropout "
            "and augmentation where these are used: it starts lower and is not compared with "
            "validation. Where stages of the network are trained, training photos are measured "
            "once, at the best epoch, when the run ends.",
        )
    if machine is not None:
        alt = "Learning rate, training photos a second and memory per epoch."
        show_plot(machine, f"machine.{watched.run.id}", alt)
    _show_table(watched.epochs)


def draw_figures(
    watched: WatchedRun, others: Sequence[Overlay], look: Look
) -> tuple[go.Figure, go.Figure | None]:
    """Return the curves and the machine's; drawn anew only when there is something new."""
    run = watched.run
    curves = Curves(watched.epochs, run.recipe.epochs, run.best_epoch, tuple(others))
    newest = tuple(
        (one.name, len(one.epochs), one.epochs[-1].get("time") if one.epochs else None)
        for one in (Overlay(run.id, watched.epochs), *others)
    )
    return _draw_figures((newest, curves.total_epochs, curves.best_epoch), look, is_dark(), curves)


@st.cache_resource(max_entries=32, ttl=600, show_spinner=False)
def _draw_figures(
    newest: tuple[object, ...],  # noqa: ARG001 (part of the key)
    look: Look,
    dark: bool,
    _curves: Curves,
) -> tuple[go.Figure, go.Figure | None]:
    return draw_curves(_curves, look, dark), draw_machine(_curves.epochs, look, dark)


def show_words(said: Learning) -> None:
    """Draw what the curves say."""
    head, colon, rest = said.sentence.partition(":")
    sentence = f"**{head}**{colon}{rest}" if colon else said.sentence
    st.markdown(f"{_ICONS[said.verdict]} {sentence} {said.gap_sentence}")


def _pick_look(run: RunRecord) -> tuple[Look, list[Overlay]]:
    """Draw the reader's choices and returns them."""
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
    runs = list_others(run)
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
    return [read_overlay(runs[other]) for other in chosen]


def _show_table(epochs: Sequence[dict[str, Any]]) -> None:
    with st.expander("As a table", icon=":material/table_rows:"):
        columns = {
            "epoch": "epoch",
            "phase": "phase",
            "train_loss": "train loss",
            "train_accuracy": "train accuracy",
            "val_loss": "validation loss",
            "val_accuracy": "validation accuracy",
            "loss": "train loss, running mean",
            "accuracy": "train accuracy, running mean",
            "learning_rate": "learning rate",
            "photos_per_second": "photos / s",
            "seconds": "seconds",
        }
        rows = [
            {title: epoch[name] for name, title in columns.items() if name in epoch}
            for epoch in epochs
        ]
        st.dataframe(rows, hide_index=True, alt="The numbers behind the curves, one row an epoch")


def show_ridge(run: RunRecord) -> None:
    """Draw the leave-one-out error against λ, and what it says of the head."""
    choice = formula.read_choice(cache.workspace().run_folder(run.id))
    if choice is None:
        st.caption("How λ was chosen is not kept with this run any more.")
        return
    share, n = choice.accuracy, choice.photos
    ends = interval(*wilson_interval(round(share * n), n), n)
    said = f"Left out, {percent(share, n)} of the training photos are answered right ({ends})."
    st.altair_chart(
        draw_ridge(choice, is_dark()),
        theme=None,
        alt=f"Leave-one-out error against λ, least at {_say(choice.ridge)}. {said}",
    )
    st.markdown(f":material/function: **Solved by a formula, without epochs.** {said}")
    st.caption(
        f"λ = {_say(choice.ridge)} was chosen on {count(n, 'training photo')} alone.",
        help="λ says how strongly the head is held back: too little and it learns photos by heart, "
        "too much and it tells nothing apart. Each training photo is left out once, in closed form "
        "(ridge regression), and λ is the one whose answers then come closest. As the same photos "
        "chose λ, new photos may do a little worse; validation and test photos chose nothing.",
    )
    with st.expander("As a table", icon=":material/table_rows:"):
        st.dataframe(_tabulate(choice), hide_index=True, alt="The numbers behind the curve")


def draw_ridge(choice: RidgeChoice, dark: bool = False) -> Any:
    """Return the leave-one-out error against λ (logarithmic) with the chosen λ marked."""
    colours, rows = choose_palette(dark), _tabulate(choice)
    x = alt.X(
        "λ:Q",
        title="λ, how strongly the head is held back",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format=",~r", tickCount=6, grid=False, labelOverlap=True),
    )
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("error:Q", title="leave-one-out error (mean squared)", scale=scale)
    tips = [alt.Tooltip("λ:Q", format=",.2~r"), alt.Tooltip("error:Q", format=".4f")]
    tips.append(alt.Tooltip("accuracy:Q", title="right when left out", format=".1%"))
    line = alt.Chart(rows).encode(x=x, y=y, tooltip=tips)
    layers = (
        line.mark_line(color=colours.splits["train"], strokeWidth=2),
        line.mark_circle(color=colours.splits["train"], size=36, opacity=1),
    )
    mark = alt.Chart(pd.DataFrame({"λ": [choice.ridge]})).encode(x="λ:Q")
    words = mark.mark_text(color=colours.accent, align="left", dx=6, dy=-4, fontSize=13)
    best = (
        mark.mark_rule(color=colours.accent, strokeWidth=2, strokeDash=[4, 3]),
        words.encode(y=alt.value(8), text=alt.value(f"λ = {_say(choice.ridge)}")),
    )
    title = title_params(
        f"The error is least at λ = {_say(choice.ridge)}",
        f"Each of {count(choice.photos, 'training photo')} left out once",
    )
    return style_altair(alt.layer(*layers, *best), dark, title=title, height=300)


def _say(ridge: float) -> str:
    return f"{float(f'{ridge:.2g}'):,.10g}"


def _tabulate(choice: RidgeChoice) -> pd.DataFrame:
    columns = {"λ": choice.ridges, "error": choice.errors, "accuracy": choice.accuracies}
    return pd.DataFrame({name: list(values) for name, values in columns.items()})
