"""The options that make up a recipe: they follow from the descriptions of its settings."""

import argparse

from core.datasets.policies import read_policy
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import Setting, parse_units
from core.runs.recipe.strategies import HEAD, STRATEGIES, SUGGESTED, SUGGESTED_VIEWS
from core.workspace import Workspace
from models.devices import find_device

_METAVARS: dict[object, str] = {int: "N", float: "X", parse_units: "UNITS"}


def add_backbone_options(parser: argparse._ActionsContainer) -> None:
    """Add --weights and --preprocessing."""
    for name in ("weights", "preprocessing"):
        _add_option(parser, SETTINGS[name])


def add_recipe_options(parser: argparse._ActionsContainer) -> None:
    """Add every option of a recipe but the dataset."""
    for setting in SETTINGS.values():
        if setting.name == "augmentation":
            parser.add_argument(
                "--policy",
                metavar="NAME",
                default="none",
                help="augmentation: none, gentle, strong, randaugment or one that you saved "
                "(default: none)",
            )
        elif setting.has_default:
            _add_option(parser, setting)


def read_recipe(
    workspace: Workspace, arguments: argparse.Namespace, *, dataset_id: str, weights_digest: str
) -> Recipe:
    """Return the recipe of the options that were offered; the others have their defaults.

    Raises:
        AugmentationRefused: No policy has that name.
    """
    options = {name: value for name, value in vars(arguments).items() if name in SETTINGS}
    given = {name: value for name, value in options.items() if value is not None}
    strategy = given.get("strategy", HEAD)
    suggested = suggest_settings(strategy, find_device().kind) | {"views": SUGGESTED_VIEWS}
    given["augmentation"] = read_policy(workspace, arguments.policy)
    return Recipe(**suggested | given | {"dataset": dataset_id, "weights_digest": weights_digest})


def _add_option(parser: argparse._ActionsContainer, setting: Setting) -> None:
    """Add the option of a setting; left out, it is None where its default depends on others."""
    if isinstance(setting.default, bool):
        action = "store_false" if setting.default else "store_true"
        parser.add_argument(setting.option, dest=setting.name, action=action, help=setting.help)
        return
    depends = setting.usual or setting.name in SUGGESTED
    parser.add_argument(
        setting.option,
        type=setting.parse,
        choices=tuple(setting.choices) if setting.parse is str else None,
        default=None if depends else setting.default,
        metavar=_METAVARS.get(setting.parse),
        help=f"{setting.help or setting.tip} (default: {_say_default(setting)})",
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
