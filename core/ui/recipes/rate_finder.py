"""The search for a learning rate, beside the form: start it, its curve, and the rate to use."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.charts.theme import choose_palette, mark_value, style_altair, title_params
from core.formats import count
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import RatePlan, searched_recipe
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, item_id, list_studies
from core.runs.training.study_results import RateCurve, read_rates
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.live_state import follow_run
from core.ui.parts.messages import show_problem

RATE = "training.learning_rate"
"""Key of the form's learning rate: what “Use it” sets."""
_ASKED = "training.rate_search"
"""Id of the search that was asked for in this session: its curve is shown unfolded."""
_PLAN = RatePlan()


def show_rate_finder(recipe: Recipe) -> None:
    """Draw the search for the learning rate of a recipe: its button, its progress, its curve."""
    if not recipe.has_epochs:
        st.caption("There is no learning rate to find: a formula gives the head.")
        return
    searched = searched_recipe(recipe)
    identifier = item_id(searched, _PLAN)
    studies = list_studies(cache.workspace())
    search = next((study for study in studies if study.id == identifier), None)
    if search is None or search.state in ("failed", "lost", "paused"):
        if search is not None and search.problem:
            show_problem(search.problem, search.remedy or "Try it again.")
        if st.button(
            "Find a learning rate",
            icon=":material/search_insights:",
            help="Trains the head for some seconds while the learning rate rises from "
            f"{_PLAN.lowest:g} to {_PLAN.highest:g}, and looks where the loss falls fastest.",
            key="training.find_rate",
            width="stretch",
        ):
            submit_run(cache.workspace(), searched, "Learning rate", plan=_PLAN)
            ensure_scheduler(cache.workspace())
            st.session_state[_ASKED] = identifier
            st.rerun()
        return
    trains_stages = not recipe.epochs_of_head
    follow_run(search, lambda search: _show_search(search, trains_stages), every="0.5s")


def _show_search(search: RunRecord, trains_stages: bool) -> None:
    curve = read_rates(cache.workspace().run_folder(search.id))
    if curve is None:
        text = "The search left no curve." if search.has_ended else "Looking for a learning rate …"
        st.progress(0.0, text="Waiting for its turn …" if search.state == "queued" else text)
        return
    _show_suggestion(curve, trains_stages)
    if st.session_state.get(_ASKED) == search.id:
        _show_curve(curve, trains_stages)
        return
    with st.expander("Loss against learning rate", icon=":material/search_insights:"):
        _show_curve(curve, trains_stages)


def _show_suggestion(curve: RateCurve, trains_stages: bool) -> None:
    """Draw the rate that is suggested, and a button that takes it: a tenth of it for stages."""
    used = curve.suggestion
    said = _summarise(curve)
    if used is not None and trains_stages:
        used = float(f"{used / 10:.2g}")
        said += f" That is for the head: for stages of the backbone, a tenth of it, {used:g}."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/search_insights: {said}", width="content")
        if used is not None and st.button(
            "Use it",
            icon=":material/check:",
            key="training.use_rate",
            on_click=lambda: st.session_state.update({RATE: used}),
        ):
            st.rerun()  # the whole page: the form shows the rate


def _summarise(curve: RateCurve) -> str:
    if curve.suggestion is None:
        return "The loss never fell: the search suggests no rate."
    return f"The search suggests a rate of {curve.suggestion:g}."


def _show_curve(curve: RateCurve, trains_stages: bool) -> None:
    st.altair_chart(
        draw_rates(curve, is_dark()),
        theme=None,
        alt="Loss against learning rate. " + _summarise(curve),
    )
    end = "until the loss exploded" if curve.exploded else "to its end"
    note = f"{count(len(curve.rates), 'step')}, {end}; {count(curve.photos, 'training photo')}."
    if trains_stages:
        note += (
            " The search trains the head only. Stages of the backbone want less: start with a "
            "tenth of it."
        )
    st.caption(note)


def draw_rates(curve: RateCurve, dark: bool = False) -> Any:
    """Return loss against learning rate (logarithmic): each batch, their running mean, the mark."""
    colours, suggestion = choose_palette(dark), curve.suggestion
    values = {"rate": curve.rates, "loss": curve.losses, "mean": curve.smoothed}
    rows = pd.DataFrame({name: list(steps) for name, steps in values.items()}).dropna()
    high = 1.15 * float(rows["mean"].iloc[: max(1, len(rows) * 9 // 10)].max())
    x = alt.X(
        "rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~g", tickCount=6, grid=False, labelOverlap=True),
    )
    # An explosion would flatten all that matters: the axis ends a little above the calm part.
    y = {"scale": alt.Scale(domain=[0, high], nice=True, clamp=True), "title": "loss"}
    base = alt.Chart(rows).encode(
        x=x,
        tooltip=[
            alt.Tooltip("rate:Q", title="learning rate", format=".2~g"),
            alt.Tooltip("loss:Q", title="loss of the batch", format=".3f"),
            alt.Tooltip("mean:Q", title="running mean", format=".3f"),
        ],
    )
    layers = [
        base.mark_circle(color=colours.faint, size=22).encode(y=alt.Y("loss:Q", **y)),
        base.mark_line(color=colours.splits["train"], strokeWidth=2).encode(y=alt.Y("mean:Q", **y)),
    ]
    if suggestion is not None:
        layers += mark_value("rate", suggestion, f"{suggestion:g}", colours.accent)
    title = title_params(
        "The loss never falls: no rate stands out"
        if suggestion is None
        else f"Loss falls fastest at {suggestion:g}",
        "Points: batches, in a pass in which the rate rises. Line: their running mean",
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=240)
