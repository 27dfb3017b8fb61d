"""What the page of a run without epochs shows: how λ of its exact head was chosen."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.charts.theme import choose_palette, mark_value, style_altair, title_params
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent
from core.runs.store import RunRecord
from core.runs.training.formula import RidgeChoice, read_choice
from core.ui.parts import cache
from core.ui.parts.frame import is_dark


def show_ridge(run: RunRecord) -> None:
    """Draw the leave-one-out error against λ, and what it says of the head."""
    choice = read_choice(cache.workspace().run_folder(run.id))
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
        *mark_value("λ", choice.ridge, f"λ = {_say(choice.ridge)}", colours.accent, dx=6),
    )
    title = title_params(
        f"The error is least at λ = {_say(choice.ridge)}",
        f"Each of {count(choice.photos, 'training photo')} left out once",
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=300)


def _say(ridge: float) -> str:
    return f"{float(f'{ridge:.2g}'):,.10g}"


def _tabulate(choice: RidgeChoice) -> pd.DataFrame:
    columns = {"λ": choice.ridges, "error": choice.errors, "accuracy": choice.accuracies}
    return pd.DataFrame({name: list(values) for name, values in columns.items()})
