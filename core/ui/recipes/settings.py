"""The settings of a recipe: the few that matter in sight, the rest folded, none that is not used.

Each is drawn as its description says (core/runs/recipe/recipe.py); its widget keeps its value in
the session (core/ui/recipes/values.py).
"""

from typing import Any

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain, rough_duration, size
from core.runs.queue.estimating import Estimate, estimate_run
from core.runs.recipe.plans import HIDDEN
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.recipe.settings import write_units
from core.runs.recipe.strategies import STRATEGIES
from core.ui.parts import cache
from core.ui.recipes.values import (
    change_strategy,
    key,
    read_held,
    read_setting,
    release_recipe,
    suit_strategy,
)
from data.dataset import Dataset

MOST_REPEATS = 20


def pick_strategy(draft: Recipe, dataset: Dataset, repeats: int) -> None:
    """Draw the strategies with the time each would take, the settings being as they are."""
    strategy = SETTINGS["strategy"]
    st.radio(
        strategy.label,
        list(STRATEGIES),
        format_func=strategy.choices.__getitem__,
        captions=[
            f"{_describe(_estimate(_suit(draft, name), dataset), repeats)}{one.sentence}"
            for name, one in STRATEGIES.items()
        ],
        key=key("strategy"),
        on_change=change_strategy,
        persist_state="session",
    )


def show_estimate(draft: Recipe, dataset: Dataset, repeats: int) -> None:
    """Draw on which device the run will go and how long it will take; by its parts on request."""
    estimate = _estimate(draft, dataset)
    words, parts = describe_device()
    if estimate is not None:
        words += f": about {rough_duration(repeats * estimate.seconds)}"
        words += f" for {repeats} runs" if repeats > 1 else ""
        words += "." if estimate.measured else ", going by another machine."
        spent = [f"- {label}: {rough_duration(seconds)}" for label, seconds in estimate.parts]
        parts = "\n".join([*spent, "", f"This device: {parts}."])
    st.caption(words, help=parts)


def describe_device() -> tuple[str, str]:
    """Return the device of a run in a line, and why it is this one."""
    device = cache.device()
    cores = f", {count(device.cores, 'core')}" if device.kind == "cpu" else ""
    memory = f", {size(device.memory_bytes)}" if device.memory_bytes else ""
    icon = ":material/memory:" if device.kind == "cpu" else ":material/developer_board:"
    return f"{icon} {plain(device.name)}{cores}{memory}", device.reason


def show_simple_settings(draft: Recipe) -> None:
    """Draw the settings that one changes first."""
    left, right = st.columns(2)
    _show(left, draft, "epochs", "head_epochs")
    _show(right, draft, "learning_rate", "fine_learning_rate")
    _show(st, draft, "unfrozen")
    _show(left, draft, "views")
    left, right = st.columns(2)
    hidden = SETTINGS["hidden"]
    left.selectbox(
        hidden.label,
        list(dict.fromkeys((*map(write_units, HIDDEN.values()), read_setting("hidden")))),
        key=key("hidden"),
        accept_new_options=True,
        persist_state="session",
        help=hidden.tip,
    )
    _show(right, draft, "dropout")


def show_more_settings(draft: Recipe) -> None:
    """Draw the other settings, folded."""
    with st.expander("More settings", icon=":material/tune:"):
        st.markdown("**Optimiser**")
        left, right = st.columns(2)
        _show(left, draft, "optimizer", "momentum", "weight_decay", "batch_size")
        _show(right, draft, "schedule", "warmup_epochs", "precision")
        st.markdown("**Against overfitting**")
        left, right = st.columns(2)
        _show(left, draft, "label_smoothing")
        _show(right, draft, "mixup")
        if _switch("Stop early", "stop_early", "Ends when no epoch gets better any more."):
            _show(st, draft, "patience")
        _show(st, draft, "class_weights")
        st.markdown("**Photos**")
        _show_photos(draft)
        st.markdown("**Chance**")
        left, right = st.columns(2)
        _show(left, draft, "seed")
        right.number_input(
            "Repeats",
            1,
            MOST_REPEATS,
            key=key("repeats"),
            persist_state="session",
            help="The same recipe with this many seeds, one run each: their spread says how much "
            "of a result is luck.",
        )


def _show_photos(draft: Recipe) -> None:
    preprocessing = SETTINGS["preprocessing"]
    st.segmented_control(
        preprocessing.label,
        list(preprocessing.choices),
        format_func=preprocessing.choices.__getitem__,
        key=key("preprocessing"),
        help=preprocessing.tip,
        required=True,
        persist_state="session",
    )
    _show(st, draft, "standardise")
    if not _switch("The dataset's own splits", "own_splits"):
        _show(st, draft, "split_seed")


def _show(place: Any, draft: Recipe, *names: str) -> None:
    """Draw the widgets of these settings, but for those that change nothing in this draft."""
    for one in (SETTINGS[name] for name in names):
        options: dict[str, Any] = {"key": key(one.name), "persist_state": "session"}
        options["help"] = one.tip or None
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
    """Return the recipe as the form would make it after a change to this strategy."""
    held = suit_strategy(read_held(), draft.strategy, strategy)
    chosen = ("dataset", "weights", "weights_digest", "augmentation", "hidden")
    return release_recipe(held, **{name: getattr(draft, name) for name in chosen})


def _estimate(recipe: Recipe, dataset: Dataset) -> Estimate | None:
    """Return the estimate; None for a recipe that cannot be trained, which the form says."""
    try:
        return estimate_run(cache.workspace(), recipe, dataset, cache.device())
    except PetalscopeError:
        return None


def _describe(estimate: Estimate | None, repeats: int) -> str:
    if estimate is None:
        return ""
    mark = "" if estimate.measured else "~"
    return f"**{mark}{rough_duration(repeats * estimate.seconds)}** · "
