"""A recipe in words: its settings, its differences from others, and its command."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import COMMAND
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.recipe.settings import Setting
from core.runs.recipe.strategies import SUGGESTED
from data.policy import LIMITS, PRESETS, AugmentationPolicy, Part, describe_policy

UNUSED = "–"
"""Stands for a setting that the recipe does not use."""

_MOST_NAMED = 3
"""Most settings in the name of a run."""

_VARYING = {*SUGGESTED, "precision", "views"}
"""Settings that are always written: their default on the command line varies."""


@dataclass(frozen=True)
class Difference:
    """A setting that differs between recipes, with the value in each."""

    setting: str
    values: tuple[str, ...]


def list_settings(recipe: Recipe) -> dict[str, str]:
    """Return the used settings in words."""
    rows = {}
    for one in SETTINGS.values():
        if one.used(recipe):
            rows[one.label[0].lower() + one.label[1:]] = _say(one, recipe)
    return rows | ({"loss": recipe.way.loss} if recipe.way.loss else {})


def list_differences(recipes: Sequence[Recipe]) -> list[Difference]:
    """Return the settings in which the recipes differ, in the order of `Recipe`."""
    found = []
    for one in SETTINGS.values():
        if one.name == "augmentation":
            found += _compare_policies([recipe.augmentation for recipe in recipes])
            continue
        values = tuple(_say(one, each) if one.used(each) else UNUSED for each in recipes)
        if len(set(values)) > 1:
            found.append(Difference(one.title, values))
    return found


def name_difference(recipe: Recipe, last: Recipe) -> str:
    """Return the name of a run: the settings that differ from the last recipe."""
    parts = []
    for one in list_differences([last, recipe]):
        value = one.values[1]
        if UNUSED in one.values or one.setting.startswith("augmentation, "):
            continue  # it follows from another setting
        if one.setting == "strategy":
            parts.append(value)
        elif value in ("yes", "no"):
            parts.append(one.setting if value == "yes" else f"without {one.setting}")
        else:
            own = one.setting == "augmentation" and has_own_policy(recipe)
            parts.append(f"own {one.setting}" if own else f"{one.setting} {value}")
    more = f" and {len(parts) - _MOST_NAMED} more" if len(parts) > _MOST_NAMED else ""
    return ", ".join(parts[:_MOST_NAMED]) + more


def write_command(recipe: Recipe) -> str:
    """Return the command that trains the recipe again; POLICY stands for an own policy."""
    words = [f"{COMMAND} train", recipe.dataset]
    for one in SETTINGS.values():
        value = getattr(recipe, one.name)
        if one.name == "augmentation":
            named = {policy: name for name, policy in PRESETS.items()}
            policy = shlex.quote(named.get(value, "POLICY"))
            words += [] if recipe.augmentation.does_nothing else [f"--policy {policy}"]
        elif not (one.has_default and one.is_offered and one.used(recipe)):
            continue
        elif one.name in _VARYING or value != one.default:
            words.append(" ".join((one.option, *_write(value))))
    return " ".join(words)


def has_own_policy(recipe: Recipe) -> bool:
    """Return whether the augmentation is not a preset."""
    return not recipe.augmentation.does_nothing and recipe.augmentation not in PRESETS.values()


def _say(setting: Setting, recipe: Recipe) -> str:
    value = getattr(recipe, setting.name)
    if setting.name in ("weights_digest", "predictions"):
        return str(value)[:12]
    if setting.name == "strategy":
        return recipe.way.words
    if setting.name == "outputs":
        return "in order" if value == tuple(range(len(value))) else "mapped"
    return describe_policy(value) if setting.name == "augmentation" else setting.say(value)


def _write(value: Any) -> list[str]:
    """Return the value of an option; a switch has no value."""
    if isinstance(value, bool):
        return []
    if isinstance(value, tuple):
        return [",".join(map(str, value))]
    return [repr(value) if isinstance(value, float) else shlex.quote(str(value))]


def _compare_policies(policies: Sequence[AugmentationPolicy]) -> list[Difference]:
    """Return the differences of the policies; own ones part by part."""
    if len(set(policies)) == 1:
        return []
    found = [Difference("augmentation", tuple(describe_policy(policy) for policy in policies))]
    if all(policy.does_nothing or policy in PRESETS.values() for policy in policies):
        return found
    for name in LIMITS:
        values = tuple(_say_part(name, getattr(policy, name)) for policy in policies)
        if len(set(values)) > 1:
            found.append(Difference(f"augmentation, {name.replace('_', ' ')}", values))
    return found


def _say_part(name: str, part: Part) -> str:
    if part.probability == 0:
        return "never"
    limits = LIMITS[name]
    often = "always" if part.probability == 1 else f"{100 * part.probability:g} % of photos"
    if limits.least == limits.most:  # a flip has no amount
        return often
    return f"{part.low:g} to {part.high:g} {limits.unit}, {often}"
