"""The curves of a run with a sentence about them; of an exact head, its error against λ."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.theme import choose_palette, style_altair, title_params
from core.evaluation.intervals import wilson_interval
from core.evaluation.learning import Verdict
from core.exact.formula import RidgeChoice, read_ridge
from core.formats import count, interval, percent
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.charts import show_folded, show_plot
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import choose_several, keep_choice
from core.ui.training.charts import Curves, Overlay, draw_curves
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
    """Draw the curves, a sentence about them, other runs and the table of epochs."""
    drawing, others = st.container(), _pick_others(watched.run)
    show_folded("As a table", partial(_show_table, watched.epochs))
    with drawing:
        alt = "Loss and accuracy of training and validation photos; as a table below."
        show_plot(_draw(watched, others), f"curves.{watched.run.id}", alt)
        said = watched.learning
        head, colon, rest = said.sentence.partition(":")
        sentence = f"**{head}**{colon}{rest}" if colon else said.sentence
        st.markdown(
            f"{_ICONS[said.verdict]} {sentence} {said.gap_sentence}",
            help="Training and validation are measured after the epoch. The running mean is "
            "measured during it, with dropout and augmentation: do not compare it with validation.",
        )


def _draw(watched: WatchedRun, others: Sequence[Overlay]) -> go.Figure:
    """Return the figure of the curves, cached until there is a new epoch."""
    run = watched.run
    curves = Curves(watched.epochs, run.recipe.epochs, run.best_epoch, tuple(others))
    newest = tuple(
        (one.name, len(one.epochs), one.epochs[-1].get("time") if one.epochs else None)
        for one in (Overlay(run.id, watched.epochs), *others)
    )
    return _draw_curves((newest, curves.total_epochs, curves.best_epoch), is_dark(), curves)


@st.cache_resource(max_entries=32, ttl=600, show_spinner=False)
def _draw_curves(
    newest: tuple[object, ...],  # noqa: ARG001 (part of the key)
    dark: bool,
    _curves: Curves,
) -> go.Figure:
    return draw_curves(_curves, dark)


def _pick_others(run: RunRecord) -> list[Overlay]:
    runs = list_others(run)
    stated = choose_several(_OVER, runs)
    if not runs:
        return []
    chosen = st.multiselect(
        "Compare with",
        list(runs),
        default=stated[:_MOST_OVERLAYS],
        format_func=lambda other: describe_run(runs[other]),
        max_selections=_MOST_OVERLAYS,
        key=f"training.over.{run.id}",
        label_visibility="collapsed",
        placeholder="Compare with other runs",
    )
    keep_choice(_OVER, ",".join(chosen) or None)
    return [read_overlay(runs[other]) for other in chosen]


def _show_table(epochs: Sequence[dict[str, Any]]) -> None:
    columns = {
        "epoch": "epoch",
        "phase": "phase",
        "train_loss": "training loss",
        "train_accuracy": "training accuracy",
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
        "loss": "training loss, running mean",
        "accuracy": "training accuracy, running mean",
        "learning_rate": "learning rate",
        "photos_per_second": "photos / s",
        "seconds": "seconds",
    }
    rows = [
        {title: epoch[name] for name, title in columns.items() if name in epoch} for epoch in epochs
    ]
    st.dataframe(rows, hide_index=True, alt="The numbers behind the curves, one row per epoch")


def show_ridge(run: RunRecord) -> None:
    """Draw the leave-one-out error of an exact head against λ."""
    choice = read_ridge(cache.workspace().run_folder(run.id))
    if choice is None:
        st.caption("The choice of λ is not stored with this run.")
        return
    share, n = choice.accuracy, choice.photos
    said = (
        f"Leave-one-out accuracy on the training photos: {percent(share, n)} "
        f"({interval(*wilson_interval(round(share * n), n), n)})."
    )
    st.altair_chart(
        draw_ridge(choice, is_dark()),
        theme=None,
        alt=f"Leave-one-out error against λ, lowest at {_say(choice.ridge)}. {said}",
    )
    st.markdown(
        f":material/function: **Exact head: ridge regression in closed form.** {said}",
        help="λ is the strength of the regularisation, chosen by leave-one-out on the training "
        "photos: expect slightly lower accuracy on new photos.",
    )
    with st.expander("As a table", icon=":material/table_rows:"):
        st.dataframe(_tabulate(choice), hide_index=True, alt="The numbers behind the curve")


def draw_ridge(choice: RidgeChoice, dark: bool = False) -> Any:
    """Return the leave-one-out error against λ (logarithmic), with the chosen λ marked."""
    colours, rows = choose_palette(dark), _tabulate(choice)
    x = alt.X(
        "λ:Q",
        title="λ, strength of the regularisation",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format=",~r", tickCount=6, grid=False, labelOverlap=True),
    )
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("error:Q", title="leave-one-out error (mean squared)", scale=scale)
    tips = [
        alt.Tooltip("λ:Q", format=",.2~r"),
        alt.Tooltip("error:Q", format=".4f"),
        alt.Tooltip("accuracy:Q", title="leave-one-out accuracy", format=".1%"),
    ]
    line = alt.Chart(rows).encode(x=x, y=y, tooltip=tips)
    mark = alt.Chart(pd.DataFrame({"λ": [choice.ridge]})).encode(x="λ:Q")
    words = mark.mark_text(color=colours.accent, align="left", dx=6, dy=-4, fontSize=13)
    title = title_params(
        f"The error is lowest at λ = {_say(choice.ridge)}",
        f"Leave-one-out on {count(choice.photos, 'training photo')}",
    )
    layers = alt.layer(
        line.mark_line(color=colours.splits["train"], strokeWidth=2),
        line.mark_circle(color=colours.splits["train"], size=36, opacity=1),
        mark.mark_rule(color=colours.accent, strokeWidth=2, strokeDash=[4, 3]),
        words.encode(y=alt.value(8), text=alt.value(f"λ = {_say(choice.ridge)}")),
    )
    return style_altair(layers, dark, title=title, height=300)


def _say(ridge: float) -> str:
    return f"{float(f'{ridge:.2g}'):,.10g}"


def _tabulate(choice: RidgeChoice) -> pd.DataFrame:
    columns = {"λ": choice.ridges, "error": choice.errors, "accuracy": choice.accuracies}
    return pd.DataFrame({name: list(values) for name, values in columns.items()})
