"""The values behind the recipe form: widgets write them, a recipe is read from them, and back.

They live in the session under training.<setting> and outlast a change of strategy or page.
"""

import re
from typing import Any, cast

import streamlit as st

from core.datasets.policies import list_policies, save_policy
from core.errors import RecipeRefused
from core.runs.recipe.recipe import Recipe, Strategy
from core.runs.recipe.suggesting import SUGGESTED_VIEWS, suggest_settings
from core.ui.parts import cache
from data.policy import AugmentationPolicy

LINEAR = "none (linear)"
HIDDEN = (LINEAR, "128", "256", "512", "512 → 128")

_PLAIN = (
    "strategy",
    "views",
    "dropout",
    "standardise",
    "preprocessing",
    "optimizer",
    "momentum",
    "weight_decay",
    "learning_rate",
    "schedule",
    "warmup_epochs",
    "class_weights",
    "label_smoothing",
    "mixup",
    "batch_size",
    "epochs",
    "head_epochs",
    "unfrozen",
    "fine_learning_rate",
    "precision",
    "seed",
)
"""Settings that a widget holds as the recipe does."""
_PATIENCE = 3
_LAYERS = re.compile(r"\d{1,9}(\s*(→|->|,|\s)\s*\d{1,9})*", re.ASCII)


def key(setting: str) -> str:
    """Returns the name under which the session holds a setting."""
    return f"training.{setting}"


def read_setting(setting: str) -> Any:
    """Returns the value of a setting as its widget holds it."""
    return st.session_state[key(setting)]


def fill_defaults() -> None:
    """Gives every setting that has no value yet the one to begin with."""
    recipe = Recipe(dataset="none", weights_digest="none")
    suggested = suggest_settings("head", cache.device().kind)
    defaults = {name: getattr(recipe, name) for name in _PLAIN} | suggested
    defaults |= {"hidden": LINEAR, "views": SUGGESTED_VIEWS, "repeats": 1, "own_splits": True}
    defaults |= {"split_seed": 0, "stop_early": False, "patience": _PATIENCE}
    for name, value in defaults.items():
        st.session_state.setdefault(key(name), value)
    st.session_state[key("former_strategy")] = read_setting("strategy")


def change_strategy() -> None:
    """Gives the settings that depend on the strategy what suits the new one.

    Only those that still have the value suggested for the former strategy: what a person chose
    stays.
    """
    device = cache.device().kind
    former = suggest_settings(st.session_state[key("former_strategy")], device)
    for name, value in suggest_settings(read_setting("strategy"), device).items():
        if name not in former or read_setting(name) == former[name]:
            st.session_state[key(name)] = value


def read_draft(
    dataset_id: str,
    weights: str,
    weights_digest: str,
    policy: AugmentationPolicy,
    hidden: tuple[int, ...],
) -> Recipe:
    """Returns the recipe that the form describes now."""
    settings = {name: read_setting(name) for name in _PLAIN}
    return Recipe(
        dataset=dataset_id,
        weights=cast(Any, weights),
        weights_digest=weights_digest,
        augmentation=policy,
        hidden=hidden,
        split_seed=None if read_setting("own_splits") else int(read_setting("split_seed")),
        patience=int(read_setting("patience")) if read_setting("stop_early") else None,
        **settings,
    )


def suggest_draft(draft: Recipe, strategy: Strategy) -> Recipe:
    """Returns the recipe as the form would make it after a change to this strategy."""
    if strategy == draft.strategy:
        return draft
    device = cache.device().kind
    former = suggest_settings(draft.strategy, device)
    settings = {name: read_setting(name) for name in _PLAIN} | {"strategy": strategy}
    for name, value in suggest_settings(strategy, device).items():
        if name not in former or settings[name] == former[name]:
            settings[name] = value
    kept = ("dataset", "weights", "weights_digest", "augmentation", "hidden", "split_seed")
    return Recipe(**{name: getattr(draft, name) for name in (*kept, "patience")}, **settings)


def fill_from_recipe(recipe: Recipe, title: str) -> None:
    """Gives every setting the value that it has in the recipe.

    Args:
        title: What to call its augmentation policy if it has no name (any more).
    """
    for name in _PLAIN:
        st.session_state[key(name)] = getattr(recipe, name)
    if recipe.augmentation.does_nothing:  # its one view says nothing of what views would be
        st.session_state[key("views")] = SUGGESTED_VIEWS
    st.session_state[key("hidden")] = describe_hidden(recipe.hidden)
    st.session_state[key("weights")] = recipe.weights
    st.session_state[key("own_splits")] = recipe.split_seed is None
    st.session_state[key("split_seed")] = recipe.split_seed or 0
    st.session_state[key("stop_early")] = recipe.patience is not None
    st.session_state[key("patience")] = recipe.patience or _PATIENCE
    st.session_state[key("repeats")] = 1
    st.session_state[key("policy")] = _name_policy(recipe.augmentation, title)


def parse_hidden(text: str) -> tuple[int, ...]:
    """Returns the units of each layer that somebody chose or typed: "512 → 128" or "512, 128".

    Raises:
        RecipeRefused: It is anything but numbers of units, or none.
    """
    typed = (text or "").strip()
    if typed.lower() in ("", LINEAR, "none", "linear"):
        return ()
    if not _LAYERS.fullmatch(typed):
        raise RecipeRefused(
            "These hidden layers cannot be read.",
            "Type units, as in 300, 100, or choose none.",
            field="hidden",
        )
    return tuple(int(units) for units in re.findall(r"\d+", typed))


def describe_hidden(hidden: tuple[int, ...]) -> str:
    """Returns hidden layers as the form lists them."""
    return " → ".join(map(str, hidden)) or LINEAR


def _name_policy(policy: AugmentationPolicy, title: str) -> str:
    named = list_policies(cache.workspace())
    found = next((name for name, other in named.items() if other == policy), None)
    return found or save_policy(cache.workspace(), title, policy)
