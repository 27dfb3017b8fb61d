"""The options that make up a recipe: they follow from the descriptions of its settings."""

from argparse import Namespace

from core.cli.command import Option, option
from core.datasets.policies import read_policy
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import Setting, parse_units
from core.runs.recipe.strategies import HEAD, STRATEGIES, SUGGESTED, SUGGESTED_VIEWS
from core.workspace import Workspace
from models.devices import find_device

_METAVARS: dict[object, str] = {int: "N", float: "X", parse_units: "UNITS"}


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
    suggested = suggest_settings(strategy, find_device().kind) | {"views": SUGGESTED_VIEWS}
    settings["augmentation"] = read_policy(workspace, given.policy)
    settings |= {"dataset": dataset_id, "weights_digest": weights_digest}
    return Recipe(**suggested | settings)


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
        type=setting.parse,
        choices=tuple(setting.choices) if setting.parse is str else None,
        default=None if depends else setting.default,
        metavar=_METAVARS.get(setting.parse),
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
    "--policy",
    "augmentation: none, gentle, strong, randaugment or one that you saved",
    metavar="NAME",
    default="none",
)
RECIPE = tuple(
    _POLICY if setting.name == "augmentation" else _make_option(setting)
    for setting in SETTINGS.values()
    if setting.name == "augmentation" or setting.has_default
)
"""Every option of a recipe but the dataset."""
BACKBONE = tuple(_make_option(SETTINGS[name]) for name in ("weights", "preprocessing"))
