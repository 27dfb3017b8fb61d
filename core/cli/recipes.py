"""The options that make up a recipe, and changes of one: both by the descriptions of settings."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.cli.choosing import choose_dataset
from core.cli.command import Option, option
from core.datasets.policies import read_policy
from core.errors import RecipeRefused
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import Setting, parse_units
from core.runs.recipe.strategies import HEAD, STRATEGIES, SUGGESTED, SUGGESTED_VIEWS
from core.workspace import Workspace
from models.devices import find_device
from models.weights import find_weights

_CHANGEABLE = {name: one for name, one in SETTINGS.items() if name != "weights_digest"}
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_METAVARS: dict[object, str] = {int: "N", float: "X", parse_units: "UNITS"}


def choose_recipe(workspace: Workspace, given: Namespace) -> Recipe:
    """Return the recipe of the options, for the dataset they name and weights that are here."""
    dataset_id = choose_dataset(workspace, given.dataset)
    weights = find_weights(workspace, given.weights)
    return read_recipe(workspace, given, dataset_id=dataset_id, weights_digest=weights.digest)


def read_recipe(
    workspace: Workspace, given: Namespace, *, dataset_id: str, weights_digest: str
) -> Recipe:
    """Return the recipe of the options that were offered; the others have their defaults.

    Raises:
        AugmentationRefused: No policy has that name.
    """
    offered = {name: value for name, value in vars(given).items() if name in SETTINGS}
    settings = {name: value for name, value in offered.items() if value is not None}
    strategy = settings.get("strategy", HEAD)
    device = find_device()
    suggested = suggest_settings(strategy, device.kind, device.half) | {"views": SUGGESTED_VIEWS}
    settings["augmentation"] = read_policy(workspace, given.policy)
    settings |= {"dataset": dataset_id, "weights_digest": weights_digest}
    return Recipe(**suggested | settings)


def change_recipe(workspace: Workspace, recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Change settings of a recipe that are given as “name=value”.

    Raises:
        RecipeRefused: A setting is none of a recipe's, or its value is of another kind.
        AugmentationRefused: No augmentation policy has that name.
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, _, text = change.partition("=")
        name = name.strip().replace("-", "_")
        values[name] = _read_value(workspace, name, text.strip())
    if "weights" in values:
        values["weights_digest"] = find_weights(workspace, values["weights"]).digest
    return replace(recipe, **values)


def _read_value(workspace: Workspace, name: str, text: str) -> object:
    if name == "augmentation":
        return read_policy(workspace, text)
    if name == "dataset":
        return choose_dataset(workspace, text)
    try:
        setting = _CHANGEABLE[name]
        if setting.default is None and text.lower() == "none":
            return None
        return _TRUTHS[text.lower()] if isinstance(setting.default, bool) else setting.parse(text)
    except (ValueError, KeyError) as error:
        raise RecipeRefused(
            f"“{name}={text}” changes nothing of a recipe.",
            f"Write SETTING=VALUE; the settings are: {', '.join(_CHANGEABLE)}.",
            field=name,
        ) from error


def _make_option(setting: Setting) -> Option:
    """Make the option of a setting; left out, it is None where its default depends on others."""
    if isinstance(setting.default, bool):
        action = "store_false" if setting.default else "store_true"
        return Option(
            setting.option, {"dest": setting.name, "action": action, "help": setting.help}
        )
    depends = setting.usual or setting.name in SUGGESTED
    return option(
        setting.option,
        f"{setting.help or setting.tip} (default: {_say_default(setting)})",
        setting.parse,
        choices=tuple(setting.choices) if setting.parse is str or setting.later else None,
        default=None if depends else setting.default,
        metavar="NAME" if setting.name == "weights" else _METAVARS.get(setting.parse),
    )


def _say_default(setting: Setting) -> str:
    """Return the default in words: "8 for last_stage, 5 for full, else 10"."""
    if setting.usual or setting.name not in SUGGESTED:
        return setting.usual or setting.say(setting.default)
    values = {name: one.suggested.get(setting.name) for name, one in STRATEGIES.items()}
    groups = {
        value: " and ".join(name for name in values if values[name] == value)
        for value in values.values()
        if value is not None
    }
    said = [f"{setting.say(value)} for {names}" for value, names in groups.items()]
    return ", ".join([*said, f"else {setting.say(setting.default)}"])


_POLICY = option(
    "--policy NAME",
    "augmentation: none, gentle, strong, randaugment or one that you saved",
    default="none",
)
RECIPE = tuple(
    _POLICY if setting.name == "augmentation" else _make_option(setting)
    for setting in SETTINGS.values()
    if setting.name == "augmentation" or setting.has_default
)
"""Every option of a recipe but the dataset."""
BACKBONE = tuple(
    _make_option(SETTINGS[name])
    for name in ("weights", "preprocessing", "framing", "photo_side", "crops")
)
