"""The recipe form: settings, estimate and the button Train."""

import dataclasses
from collections.abc import Collection

import streamlit as st

from core.errors import AugmentationRefused, NetworkUnsupported, PetalscopeError, RecipeRefused
from core.formats import plain
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler, touch_wake
from core.runs.recipe.checking import validate
from core.runs.recipe.recipe import Recipe, check_network
from core.runs.recipe.settings import MOST_SEED
from core.runs.recipe.words import name_difference
from core.runs.store import RunRecord, list_trained, read_run
from core.ui.parts import cache
from core.ui.parts.choosing import RUN, change_run
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice, read_choice, read_stated, refuse_link
from core.ui.recipes.settings import (
    find_trained,
    pick_policy,
    pick_strategy,
    show_estimate,
    show_more_settings,
    show_simple_settings,
)
from core.ui.recipes.values import (
    fill_defaults,
    fill_from_recipe,
    read_held,
    read_hidden,
    read_setting,
    release_recipe,
)
from core.ui.recipes.weights import hold_weights, pick_weights
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models.weights import Weights

_LIKE = "like"
_FILLED = "training.filled_like"


def fill_from_link() -> None:
    """Fill the form once with the settings of the run of the link (?like=RUN)."""
    wanted = read_stated(_LIKE)
    if wanted is None or st.session_state.get(_FILLED) == wanted:
        return
    try:
        run = read_run(cache.workspace(), wanted)
        fill_from_recipe(run.recipe, f"run {run.number}")
    except PetalscopeError as error:  # the run of an old link may be deleted
        refuse_link(error.problem, _LIKE)
    keep_choice("dataset", run.recipe.dataset)
    st.session_state[_FILLED] = wanted


def duplicate_run(run: RunRecord) -> None:
    """Fill the form with the settings of the run."""
    st.session_state.pop(_FILLED, None)
    st.query_params[_LIKE] = run.id


def forget_runs(gone: Collection[str]) -> None:
    """Remove deleted runs from the address and from the session."""
    if read_choice(RUN) in gone:
        keep_choice(RUN, None)
    if st.query_params.get(_LIKE) in gone or st.session_state.get(_FILLED) in gone:
        _forget_link()


@cache.for_editors
def show_recipe_form(dataset: Dataset) -> Recipe | None:
    """Draw the form; return its recipe, or None while it cannot be trained."""
    prepare_training()
    fill_defaults()
    _show_filled()
    weights = pick_weights(dataset.id)
    top = st.container()  # drawn last: it depends on the settings below it
    policy = pick_policy()
    draft, unread = _read_draft(dataset, weights, policy)
    repeats = int(read_setting("repeats")) if draft.has_epochs else 1  # no randomness
    show_simple_settings(draft)
    show_more_settings(draft)
    with top:
        pick_strategy(draft, repeats)
        trainable = _check(draft, unread) and weights is not None
        _show_train(draft, dataset, repeats, trainable=trainable)
    return draft if trainable else None


def _show_train(draft: Recipe, dataset: Dataset, repeats: int, *, trainable: bool) -> None:
    """Draw the button Train with its estimate, or the button that opens the existing run."""
    known = [run for one in _list_repeats(draft, repeats) if (run := find_trained(one))]
    left = repeats - len(known)
    label, icon = "Train" if repeats == 1 else f"Train {repeats} times", "play_arrow"
    if not left:
        begun = "Already trained: open" if known[0].state == "done" else "In progress: watch"
        label, icon = f"{begun} run {known[0].number}", "history"
    if st.button(
        label,
        type="primary",
        icon=f":material/{icon}:",
        width="stretch",
        disabled=not trainable,
        key="training.start",
    ):
        start_run(draft, dataset.name, repeats=repeats)
    if known and left:
        st.caption(f"{len(known)} of these {repeats} runs exist already.")
    if left:
        show_estimate(draft, dataset, left)


def prepare_training() -> None:
    """Start a scheduler, which warms up a worker while the form is filled in."""
    touch_wake(cache.workspace())
    ensure_scheduler(cache.workspace())


def start_run(recipe: Recipe, name: str, *, repeats: int = 1, open_training: bool = False) -> None:
    """Submit the recipe and open its run; an existing run is opened instead.

    Args:
        name: Name of the dataset's first run; later ones are named after their changes.
        repeats: Number of seeds, counted up from the recipe's; the first run is opened.
    """
    last = next((run.recipe for run in list_trained(cache.workspace(), recipe.dataset)), None)
    submitted = []
    for one in _list_repeats(recipe, repeats):
        new = name_difference(one, last) if last else name
        submitted.append(submit_run(cache.workspace(), one, new))
        last = one
    ensure_scheduler(cache.workspace())
    run, is_new = submitted[0]
    if not is_new and run.state == "done":
        tell_after_rerun(f"Already trained: this is run {run.number}.")
    _forget_link()
    change_run(run.id)
    if open_training:
        hold_weights(recipe.weights)
        st.switch_page(page_file("training"), query_params={RUN: run.id})
    st.rerun()


def _list_repeats(recipe: Recipe, repeats: int) -> list[Recipe]:
    """Return the recipe with several seeds, counted up from its own."""
    seeds = ((recipe.seed + repeat) % (MOST_SEED + 1) for repeat in range(repeats))
    return [dataclasses.replace(recipe, seed=seed) for seed in seeds]


def _forget_link() -> None:
    """Remove the run of the link; the settings stay."""
    st.query_params.pop(_LIKE, None)
    st.session_state.pop(_FILLED, None)


def _show_filled() -> None:
    filled = st.session_state.get(_FILLED)
    if filled is None or st.query_params.get(_LIKE) != filled:
        return
    run = next((run for run in list_trained(cache.workspace()) if run.id == filled), None)
    if run is None:
        _forget_link()
        st.caption(":orange[These are the settings of a deleted run.]")
        return
    said = f":material/content_copy: Settings of {plain(title_run(run), 40)}."
    try:
        check_network(run.recipe)
    except NetworkUnsupported:
        said += " Its network is no longer supported; this is ResNet-50."
    st.caption(said)


def _read_draft(
    dataset: Dataset, weights: Weights | None, policy: AugmentationPolicy
) -> tuple[Recipe, RecipeRefused | None]:
    """Return the recipe of the form, and the error of a setting that could not be read."""
    held, unread = read_held(), None
    hidden: tuple[int, ...] = ()
    try:
        hidden = read_hidden(held["hidden"])
    except RecipeRefused as error:
        unread = error
    kind, digest = (weights.name, weights.digest) if weights else ("pretrained", "missing")
    chosen = {"dataset": dataset.id, "weights": kind, "weights_digest": digest}
    return release_recipe(held, **chosen, augmentation=policy, hidden=hidden), unread


def _check(draft: Recipe, unread: RecipeRefused | None) -> bool:
    """Return whether the recipe can be trained; draw the error if not."""
    try:
        if unread is not None:
            raise unread
        validate(draft)
    except (RecipeRefused, AugmentationRefused) as error:
        show_problem(error.problem, error.remedy)
        return False
    return True
