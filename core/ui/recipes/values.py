"""The values of the recipe form: from a recipe to the widgets, and from the widgets to a recipe.

They live in the session under training.<setting>, across strategies and pages.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.datasets.policies import list_policies, save_policy
from core.errors import RecipeRefused
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import parse_units, write_units
from core.runs.recipe.strategies import HEAD, SUGGESTED_VIEWS, StrategyName
from core.ui.parts import cache
from data.policy import AugmentationPolicy
from models.catalogue import CATALOGUE, DEFAULT

_CHOSEN_ELSEWHERE = ("dataset", "weights", "weights_digest", "augmentation", "speed")
_SWITCHED: Mapping[str, tuple[str, bool, int]] = {
    "patience": ("stop_early", True, 3),
    "split_seed": ("own_splits", False, 0),
}
"""Optional setting → its switch, the position of the switch with a value, the first value."""


def key(setting: str) -> str:
    """Return the session key of a setting."""
    return f"training.{setting}"


def read_setting(setting: str) -> Any:
    """Return the value of a setting's widget."""
    return st.session_state[key(setting)]


def hold_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the values of the widgets for a recipe, by setting."""
    held = {name: getattr(recipe, name) for name in SETTINGS if name not in _CHOSEN_ELSEWHERE}
    for name, (switch, position, beginning) in _SWITCHED.items():
        is_given = held[name] is not None
        held |= {switch: is_given is position, name: held[name] if is_given else beginning}
    if recipe.augmentation.does_nothing:  # its number of views is 1
        held["views"] = SUGGESTED_VIEWS
    return held | {"hidden": write_units(recipe.hidden), "repeats": 1}


def release_recipe(held: Mapping[str, Any], **chosen: Any) -> Recipe:
    """Return the recipe of the widgets' values and of fields that are chosen elsewhere.

    Args:
        held: As returned by `hold_recipe`.
        **chosen: dataset, weights, weights_digest, augmentation, hidden.
    """
    values = {name: held[name] for name in SETTINGS if name not in _CHOSEN_ELSEWHERE}
    for name, (switch, position, _) in _SWITCHED.items():
        values[name] = int(held[name]) if held[switch] is position else None
    return Recipe(**values | chosen)


def read_hidden(typed: str) -> tuple[int, ...]:
    """Return the typed hidden layers.

    Raises:
        RecipeRefused: They cannot be read.
    """
    try:
        return parse_units(typed)
    except ValueError as error:
        remedy = "Type the units of each layer, such as 300, 100, or choose none."
        raise RecipeRefused(str(error), remedy, field="hidden") from error


def read_held() -> dict[str, Any]:
    """Return the values of the widgets, by setting."""
    return {name: read_setting(name) for name in hold_recipe(_default_recipe())}


def fill_defaults() -> None:
    """Give every setting without a value its default."""
    suggested = suggest_settings(HEAD, cache.device().kind)
    for name, value in (hold_recipe(_default_recipe()) | suggested).items():
        st.session_state.setdefault(key(name), value)
    st.session_state[key("former_strategy")] = read_setting("strategy")


def change_strategy() -> None:
    """Give settings that depend on the strategy the values of the new one."""
    _hold(suit_strategy(read_held(), read_setting("former_strategy"), read_setting("strategy")))


def suit_strategy(
    held: Mapping[str, Any], former: StrategyName, strategy: StrategyName
) -> dict[str, Any]:
    """Return the values after a change of strategy; values that a person changed stay."""
    device = cache.device()
    before = suggest_settings(former, device.kind, device.half)
    suggested = suggest_settings(strategy, device.kind, device.half)
    unchanged = {name: value for name, value in suggested.items() if held[name] == before[name]}
    return {**held, **unchanged, "strategy": strategy}


def fill_from_recipe(recipe: Recipe, title: str) -> None:
    """Give every setting the value of the recipe.

    Args:
        title: Name for its augmentation policy if none has been saved under a name.
    """
    policy = _name_policy(recipe.augmentation, title)
    weights = recipe.weights if recipe.weights in CATALOGUE else DEFAULT
    _hold(hold_recipe(recipe) | {"weights": weights, "policy": policy})


def _hold(values: Mapping[str, Any]) -> None:
    st.session_state.update({key(name): value for name, value in values.items()})


def _default_recipe() -> Recipe:
    return Recipe(dataset="none", weights_digest="none")


def _name_policy(policy: AugmentationPolicy, title: str) -> str:
    named = list_policies(cache.workspace())
    found = next((name for name, other in named.items() if other == policy), None)
    return found or save_policy(cache.workspace(), title, policy)
