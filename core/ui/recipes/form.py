"""The recipe form: what is trained and how, what it will cost, and Train."""

import dataclasses
from collections.abc import Collection

import streamlit as st

from core.errors import AugmentationRefused, PetalscopeError, RecipeRefused
from core.formats import plain
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.rules import MOST_SEED, validate
from core.runs.scheduler import ensure_scheduler, touch_wake
from core.runs.store import RunRecord, list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import title_run
from core.ui.parts.state import change_choice, keep_choice, name_visitor, read_choice
from core.ui.recipes.policy_picker import pick_policy
from core.ui.recipes.rate_finder import show_rate_finder
from core.ui.recipes.settings import show_more_settings, show_simple_settings
from core.ui.recipes.strategy import pick_strategy, show_estimate
from core.ui.recipes.values import (
    fill_defaults,
    fill_from_recipe,
    key,
    parse_hidden,
    read_draft,
    read_setting,
)
from core.ui.recipes.weights import pick_weights
from data.manifest import Dataset

_LIKE = "like"
_FILLED = "training.filled_like"


def fill_from_link() -> None:
    """Fills the form once with the settings of the run that the link names (?like=RUN)."""
    wanted = st.query_params.get(_LIKE)
    if wanted is None or st.session_state.get(_FILLED) == wanted:
        return
    try:
        run = read_run(cache.workspace(), wanted)
    except PetalscopeError as error:  # an old link: the form is of use without it
        show_problem(error.problem, error.remedy)
        return
    fill_from_recipe(run.recipe, f"run {run.number}")
    change_choice("dataset", run.recipe.dataset)
    st.session_state[_FILLED] = wanted


def duplicate_run(run: RunRecord) -> None:
    """Fills the form with the settings of the run, however often this is asked for."""
    st.session_state.pop(_FILLED, None)
    st.query_params[_LIKE] = run.id


def forget_runs(gone: Collection[str]) -> None:
    """Takes runs that were deleted out of the address and out of what this session chose."""
    for name in ("run", "watch"):
        if read_choice(name) in gone:
            keep_choice(name, None)
    if st.query_params.get(_LIKE) in gone or st.session_state.get(_FILLED) in gone:
        _forget_link()


def show_recipe_form(dataset: Dataset) -> Recipe | None:
    """Draws the form and returns its recipe; None while that cannot be trained.

    Train submits the recipe, once for each repeat, and opens its run.
    """
    prepare_training()
    fill_defaults()
    _show_filled()
    weights = pick_weights()
    top = st.container()  # drawn last: what it says follows from the settings below it
    policy = pick_policy(key("policy"))
    show_simple_settings(policy)
    finder = st.container()
    show_more_settings()
    kind, digest = (weights.kind, weights.digest) if weights else ("pretrained", "missing")
    hidden, unread = _read_hidden()
    draft = read_draft(dataset.id, kind, digest, policy, hidden)
    repeats = int(read_setting("repeats"))
    with top:
        pick_strategy(draft, dataset, repeats)
        trainable = _check(draft, unread) and weights is not None
        _show_train(draft, dataset, repeats, trainable=trainable)
    if trainable:
        with finder:
            show_rate_finder(draft, name_visitor())
    return draft if trainable else None


def _show_train(draft: Recipe, dataset: Dataset, repeats: int, *, trainable: bool) -> None:
    """Draws Train, and on what device it will take how long."""
    label = "Train" if repeats == 1 else f"Train {repeats} times"
    if st.button(
        label, type="primary", icon=":material/play_arrow:", width="stretch", disabled=not trainable
    ):
        start_run(draft, dataset.name, repeats=repeats)
    show_estimate(draft, dataset, repeats)


def prepare_training() -> None:
    """Sees to it that a scheduler is alive and a worker gets warm while the form is filled in."""
    touch_wake(cache.workspace())
    ensure_scheduler(cache.workspace())


def start_run(recipe: Recipe, name: str, *, repeats: int = 1, open_training: bool = False) -> None:
    """Submits the recipe and opens its run: a new one, or the one that exists.

    Args:
        repeats: With how many seeds, counted up from the recipe's; the first is opened.
    """
    seeds = [(recipe.seed + repeat) % (MOST_SEED + 1) for repeat in range(repeats)]
    submitted = [
        submit_run(
            cache.workspace(),
            dataclasses.replace(recipe, seed=seed),
            name,
            submitter=name_visitor(),
        )
        for seed in seeds
    ]
    ensure_scheduler(cache.workspace())
    run, is_new = submitted[0]
    if not is_new and run.state == "done":
        st.toast(
            f"This recipe was trained before: run {run.number} is opened.",
            icon=":material/history:",
        )
    _forget_link()
    change_choice("watch", run.id)
    if open_training:
        st.switch_page(page_file("training"), query_params={"watch": run.id})
    st.rerun()


def _forget_link() -> None:
    """Takes the run whose settings were taken out of the address; the settings stay."""
    st.query_params.pop(_LIKE, None)
    st.session_state.pop(_FILLED, None)


def _show_filled() -> None:
    filled = st.session_state.get(_FILLED)
    if filled is None or st.query_params.get(_LIKE) != filled:
        return
    run = next((run for run in list_runs(cache.workspace()) if run.id == filled), None)
    if run is None:  # somebody deleted it since: what the form holds stays
        _forget_link()
        st.caption(":orange[The settings of a run that is not here any more.]")
        return
    st.caption(f":material/content_copy: The settings of {plain(title_run(run), 40)}.")


def _read_hidden() -> tuple[tuple[int, ...], RecipeRefused | None]:
    """Returns the hidden layers as they were typed; none, and why, if they cannot be read."""
    try:
        return parse_hidden(read_setting("hidden")), None
    except RecipeRefused as error:
        return (), error


def _check(draft: Recipe, unread: RecipeRefused | None) -> bool:
    """Returns whether the recipe can be trained; if not, draws why.

    Args:
        unread: Why a setting could not be read: the recipe is without it.
    """
    try:
        if unread is not None:
            raise unread
        validate(draft)
    except (RecipeRefused, AugmentationRefused) as error:
        show_problem(error.problem, error.remedy)
        return False
    return True
