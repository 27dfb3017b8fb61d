"""The widgets of a recipe's settings: the common ones first, the others folded, unused ones hidden.

`core/runs/recipe/recipe.py` describes each setting; `core/ui/recipes/values.py` holds its value in
the session. A link (`?policy=`) changes the policy.
"""

from collections.abc import Collection
from typing import Any

import streamlit as st

from core.config import FRAMING
from core.datasets.policies import list_policies
from core.errors import PetalscopeError
from core.formats import count, plain, rough_duration, size
from core.runs.queue.estimating import estimate_run
from core.runs.recipe.plans import HIDDEN
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.recipe.settings import write_units
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import RunRecord, read_run
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import pick_named
from core.ui.parts.state import keep_choice, read_stated, refuse_value
from core.ui.recipes.values import (
    change_strategy,
    key,
    read_held,
    read_setting,
    release_recipe,
    suit_strategy,
)
from data.dataset import Dataset
from data.policy import AugmentationPolicy

MOST_REPEATS = 20
_CHOICE = "policy"


def pick_strategy(draft: Recipe, repeats: int) -> None:
    """Draw the strategies, each with the run that has these settings."""
    strategy = SETTINGS["strategy"]
    said = {
        name: f"{_name_trained(_suit(draft, name), repeats)}{one.sentence}"
        for name, one in STRATEGIES.items()
    }
    pick_named(
        strategy.label,
        {name: strategy.choices[name] for name in STRATEGIES},
        key=key("strategy"),
        on_change=change_strategy,
        persist_state="session",
        help="\n".join(f"- {strategy.choices[name]}: {words}" for name, words in said.items()),
    )
    st.caption(said[draft.strategy])


def show_estimate(draft: Recipe, dataset: Dataset, repeats: int) -> None:
    """Draw device and estimated time."""
    estimate = estimate_run(cache.workspace(), draft, dataset)
    device = cache.device()
    cores = f", {count(device.cores, 'core')}" if device.kind == "cpu" else ""
    memory = f", {size(device.memory_bytes)}" if device.memory_bytes else ""
    icon = ":material/memory:" if device.kind == "cpu" else ":material/developer_board:"
    words, tip = f"{icon} {plain(device.name)}{cores}{memory}", device.reason
    if estimate is not None:
        words += f": about {rough_duration(repeats * estimate.seconds)} of training"
        words += f" for {repeats} runs." if repeats > 1 else "."
        tip = (
            f"Estimated from run {estimate.run.number}, scaled by photos and epochs; computing "
            f"features takes extra time.\n\nDevice: {tip}."
        )
    st.caption(words, help=tip)


def show_simple_settings(draft: Recipe) -> None:
    """Draw the common settings."""
    left, right = st.columns(2)
    _show(left, draft, "epochs", "head_epochs")
    _show(right, draft, "learning_rate", "fine_learning_rate")
    _show(st, draft, "unfrozen")
    _show(left, draft, "views")
    hidden = SETTINGS["hidden"]
    if not hidden.used(draft):
        return
    left, right = st.columns(2)
    left.selectbox(
        hidden.label,
        list(dict.fromkeys((*map(write_units, HIDDEN.values()), read_setting("hidden")))),
        key=key("hidden"),
        accept_new_options=True,
        persist_state="session",
        help=hidden.help,
    )
    _show(right, draft, "dropout")


def show_more_settings(draft: Recipe) -> None:
    """Draw the other settings, folded."""
    with st.expander("More settings", icon=":material/tune:"):
        if not draft.has_epochs:  # the other settings are about epochs
            _show_photos(draft)
            return
        st.markdown("**Optimiser**")
        left, right = st.columns(2)
        _show(left, draft, "optimizer", "momentum", "weight_decay", "batch_size")
        _show(right, draft, "schedule", "warmup_epochs", "precision")
        st.markdown("**Against overfitting**")
        left, right = st.columns(2)
        _show(left, draft, "label_smoothing")
        _show(right, draft, "mixup")
        if _switch("Stop early", "stop_early", "Stops when the validation loss no longer falls."):
            _show(st, draft, "patience")
        _show(st, draft, "class_weights")
        st.markdown("**Photos**")
        _show_photos(draft)
        st.markdown("**Randomness**")
        left, right = st.columns(2)
        _show(left, draft, "seed", "computing")
        right.number_input(
            "Repeats",
            1,
            MOST_REPEATS,
            key=key("repeats"),
            persist_state="session",
            help="One run per seed. Their spread shows how much of a result is chance.",
        )


def _show_photos(draft: Recipe) -> None:
    for one in (SETTINGS[name] for name in ("framing", "preprocessing")):
        st.segmented_control(
            one.label,
            list(one.choices),
            format_func=one.choices.__getitem__,
            key=key(one.name),
            help=one.help,
            required=True,
            persist_state="session",
        )
    _show(st, draft, "standardise")
    if not _switch("Use the dataset's splits", "own_splits"):
        _show(st, draft, "split_seed")


def _show(place: Any, draft: Recipe, *names: str) -> None:
    """Draw the widgets of these settings, except those that the draft does not use."""
    for one in (SETTINGS[name] for name in names):
        options: dict[str, Any] = {"key": key(one.name), "persist_state": "session"}
        options["help"] = one.help
        if not one.used(draft):
            continue
        if isinstance(one.default, bool):
            place.toggle(one.label, **options)
        elif one.choices:
            names_of = one.choices
            place.selectbox(one.label, list(names_of), format_func=names_of.__getitem__, **options)
        else:
            kind, form = (float, "%g") if isinstance(one.default, float) else (int, None)
            ends = map(kind, one.ends or ())
            place.number_input(one.label, *ends, step=one.step, format=form, **options)


def _switch(label: str, name: str, tip: str | None = None) -> bool:
    return st.toggle(label, key=key(name), persist_state="session", help=tip)


def _suit(draft: Recipe, strategy: Any) -> Recipe:
    """Return the recipe of the form after a change to this strategy."""
    held = suit_strategy(read_held(), draft.strategy, strategy)
    chosen = ("dataset", "weights", "weights_digest", "augmentation", "hidden")
    return release_recipe(held, **{name: getattr(draft, name) for name in chosen})


def find_trained(recipe: Recipe) -> RunRecord | None:
    """Return the finished, running or queued run of a recipe; None: Train would start one."""
    try:
        run = read_run(cache.workspace(), recipe.run_id)
    except PetalscopeError:
        return None
    settled = run.state == "done" and not run.stopped
    return run if settled or run.is_going or run.state == "queued" else None


def _name_trained(recipe: Recipe, repeats: int) -> str:
    run = find_trained(recipe) if repeats == 1 else None
    return f"**run {run.number}** · " if run else ""


def pick_policy() -> AugmentationPolicy:
    """Return the chosen augmentation policy; draw the list and a link to the page Augmentation."""
    named, held = list_policies(cache.workspace()), key("policy")
    _take_link(held, named)
    if st.session_state.get(held) not in named:  # first visit, or deleted since
        st.session_state[held] = "none"
    name = st.selectbox(
        "Augmentation",
        list(named),
        key=held,
        persist_state="session",
        help="Random changes of the training photos. Validation and test photos stay as they are.",
        on_change=lambda: keep_choice(_CHOICE, st.session_state[held]),
    )
    if st.query_params.get(_CHOICE, name) not in named:
        refuse_value(_CHOICE)
    framing = st.session_state.get("training.framing", FRAMING.how)
    parts, pick = ", ".join(named[name].parts).replace("_", " "), named[name].pick
    words = f"Changes: {plain(parts if pick is None else f'{pick} per photo of {parts}')}."
    if named[name].does_nothing:
        words = "Photos stay as they are."
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(words)
        asked = {_CHOICE: name, "framing": framing}
        link_page("augmentation", "Preview", "auto_fix_high", **asked)
    return named[name]


def _take_link(held: str, named: Collection[str]) -> None:
    """Choose the policy of a new link; keep the address of an old one up to date."""
    linked, chosen = read_stated(_CHOICE), st.session_state.get(held)
    if linked in named and st.session_state.get(f"{held}.linked") != linked:
        st.session_state[held] = linked
    elif linked in named and chosen in named and chosen != linked:  # filled from a run
        keep_choice(_CHOICE, chosen)
    st.session_state[f"{held}.linked"] = st.query_params.get(_CHOICE)
