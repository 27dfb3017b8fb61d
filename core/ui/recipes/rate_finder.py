"""The search for a learning rate, beside the form: start it, its curve, and the rate to use."""

import streamlit as st

from core.formats import count
from core.runs.queue.queue import submit_run
from core.runs.recipe.plans import RatePlan
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.sweep_space import searched_recipe
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord, item_id, list_studies
from core.runs.training.study_results import RateCurve, read_rates
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.messages import report_errors, show_problem
from core.ui.recipes.rate_chart import draw_rates

RATE = "training.learning_rate"
"""Key of the form's learning rate: what “Use it” sets."""
_ASKED = "training.rate_search"
"""Id of the search that was asked for in this session: its curve is shown unfolded."""
_PLAN = RatePlan()


def show_rate_finder(recipe: Recipe, submitter: str = "") -> None:
    """Draws the search for the learning rate of a recipe: its button, its progress, its curve."""
    searched = searched_recipe(recipe)
    identifier = item_id(searched, _PLAN)
    search = _find_search(identifier)
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
            submit_run(
                cache.workspace(), searched, "Learning rate", plan=_PLAN, submitter=submitter
            )
            ensure_scheduler(cache.workspace())
            st.session_state[_ASKED] = identifier
            st.rerun()
        return
    going = not search.has_ended
    st.fragment(_show_search, run_every="0.5s" if going else None)(
        identifier, going, recipe.strategy in ("last_stage", "full")
    )


def _find_search(identifier: str) -> RunRecord | None:
    """Returns the search as the queue knows it, or None while nobody asked for it."""
    studies = list_studies(cache.workspace())
    return next((study for study in studies if study.id == identifier), None)


def _show_search(identifier: str, was_going: bool, trains_stages: bool) -> None:
    with report_errors():
        search = _find_search(identifier)
        if search is None or was_going == search.has_ended:
            st.rerun()  # the whole page: polling starts or stops
        curve = read_rates(cache.workspace().run_folder(identifier))
        if going := not search.has_ended:
            ensure_scheduler(cache.workspace())
        if curve is None:
            text = "Looking for a learning rate …" if going else "The search left no curve."
            st.progress(0.0, text="Waiting for its turn …" if search.state == "queued" else text)
            return
        _show_suggestion(curve, trains_stages)
        if st.session_state.get(_ASKED) == identifier:
            _show_curve(curve, trains_stages)
            return
        with st.expander("Loss against learning rate", icon=":material/search_insights:"):
            _show_curve(curve, trains_stages)


def _show_suggestion(curve: RateCurve, trains_stages: bool) -> None:
    """Draws the rate that is suggested, and a button that takes it: a tenth of it for stages."""
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
            on_click=_use,
            args=(used,),
        ):
            st.rerun()  # the whole page: the form shows the rate


def _summarise(curve: RateCurve) -> str:
    if curve.suggestion is None:
        return "The loss never fell: the search suggests no rate."
    return f"The search suggests a rate of {curve.suggestion:g}."


def _show_curve(curve: RateCurve, trains_stages: bool) -> None:
    st.altair_chart(
        draw_rates(curve.rates, curve.losses, curve.smoothed, curve.suggestion, is_dark()),
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


def _use(rate: float) -> None:
    st.session_state[RATE] = rate
