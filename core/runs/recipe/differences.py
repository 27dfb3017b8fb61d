"""In what recipes differ, and nothing else: settings as people read them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from core.runs.recipe.recipe import Recipe
from data.policy import LIMITS, PRESETS, AugmentationPolicy, Part, describe_policy

UNUSED = "–"
"""Stands for a setting that changes nothing beside the others of its recipe."""

_NAMES = {
    "hidden": "hidden layers",
    "weights_digest": "weights file",
}
_WORDS: dict[str, dict[Any, str]] = {
    "split_seed": {None: "the dataset's own"},
    "patience": {None: "none"},
    "hidden": {(): "none (linear)"},
    "label_smoothing": {0.0: "none"},
    "mixup": {0.0: "none"},
    "strategy": {
        "last_stage": "last stage",
        "full": "full fine-tuning",
        "two_phases": "two phases",
    },
}


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all recipes, with its value in each, in their order."""

    setting: str
    values: tuple[str, ...]


def list_differences(recipes: Sequence[Recipe]) -> list[Difference]:
    """Returns the settings in which the recipes differ, in the order of `Recipe`."""
    found = []
    for name in (field.name for field in fields(Recipe)):
        if name == "augmentation":
            found += _compare_policies([recipe.augmentation for recipe in recipes])
            continue
        values = tuple(_say(recipe, name, recipes) for recipe in recipes)
        if len(set(values)) > 1:
            found.append(Difference(_NAMES.get(name, name.replace("_", " ")), values))
    return found


def _say(recipe: Recipe, name: str, recipes: Sequence[Recipe]) -> str:
    """Returns the value of a setting in words; a dash where it changes nothing in this recipe."""
    value = getattr(recipe, name)
    others = {getattr(one, name) for one in recipes} - {value}
    # A recipe sets what it does not use to the default: then another value gives the same recipe.
    if any(dataclasses.replace(recipe, **{name: other}) == recipe for other in others):
        return UNUSED
    if name == "weights_digest" and recipe.weights == "random":
        return UNUSED  # random weights come from no file
    if name in _WORDS and value in _WORDS[name]:
        return _WORDS[name][value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " → ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:12] if name == "weights_digest" else str(value)


def _compare_policies(policies: Sequence[AugmentationPolicy]) -> list[Difference]:
    """Returns the names of the policies, and part by part what no preset's name says."""
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
