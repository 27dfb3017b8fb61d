"""The options that make up a recipe.

Their defaults are the recipe's own, and where it matters those that suit the strategy.
"""

import argparse
from dataclasses import fields
from typing import Any, NamedTuple, get_args

from core.datasets.policies import read_policy
from core.runs.recipe.recipe import Optimizer, Precision, Recipe, Schedule, Strategy
from core.runs.recipe.suggesting import SUGGESTED_VIEWS, suggest_settings
from core.workspace import Workspace
from models.devices import find_device

_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Recipe)}


class _Number(NamedTuple):
    name: str
    kind: type[int] | type[float]
    what: str
    suits: str = ""
    """The default in words, where it depends on the strategy."""


_NUMBERS = (
    _Number(
        "epochs", int, "passes over the training photos", "8 for last_stage, 5 for full, else 10"
    ),
    _Number("learning_rate", float, "learning rate", "0.0001 for last_stage and full, else 0.001"),
    _Number("head_epochs", int, "epochs of two_phases in which only the head is trained"),
    _Number("unfrozen", int, "how many of the last stages two_phases trains then, 1 to 5"),
    _Number("fine_learning_rate", float, "learning rate of that second phase of two_phases"),
    _Number("dropout", float, "share of units dropped before each dense layer"),
    _Number("batch_size", int, "photos a step"),
    _Number("momentum", float, "momentum of sgd"),
    _Number("weight_decay", float, "decoupled weight decay of adamw and sgd"),
    _Number("warmup_epochs", int, "epochs of cosine in which the rate rises from 0"),
    _Number("label_smoothing", float, "share of the answer spread over all classes"),
    _Number("mixup", float, "alpha of the Beta distribution that pairs are mixed by, 0: none"),
    _Number("seed", int, "seed of everything random in training"),
)


def add_backbone_options(parser: argparse._ActionsContainer) -> None:
    """Adds --weights and --preprocessing."""
    parser.add_argument(
        "--weights",
        choices=("pretrained", "random"),
        default=_DEFAULTS["weights"],
        help="“random” never saw a photo: for a demonstration without network "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--preprocessing",
        choices=("resnet", "unit"),
        default=_DEFAULTS["preprocessing"],
        help="“resnet” is what the weights were trained with, “unit” is RGB from 0 to 1, "
        "for teaching (default: %(default)s)",
    )


def add_recipe_options(parser: argparse._ActionsContainer) -> None:
    """Adds every option of a recipe but the dataset."""
    _add_choice(parser, "strategy", Strategy, "what is trained (default: head)")
    parser.add_argument(
        "--policy",
        metavar="NAME",
        default="none",
        help="augmentation: none, gentle, strong, randaugment or one that you saved "
        "(default: none)",
    )
    parser.add_argument(
        "--views",
        type=int,
        metavar="N",
        help="augmented views kept of each photo, which epochs walk through "
        f"(default: {SUGGESTED_VIEWS} with a policy)",
    )
    add_backbone_options(parser)
    parser.add_argument(
        "--hidden",
        type=_parse_units,
        default=_DEFAULTS["hidden"],
        metavar="UNITS",
        help="hidden layers of the head, as in 256,128 (default: none, a linear head)",
    )
    for number in _NUMBERS:
        parser.add_argument(
            f"--{number.name.replace('_', '-')}",
            type=number.kind,
            default=None if number.suits else _DEFAULTS[number.name],
            metavar="N" if number.kind is int else "X",
            help=f"{number.what} (default: {number.suits or _DEFAULTS[number.name]})",
        )
    _add_choice(parser, "optimizer", Optimizer, "(default: adam)")
    _add_choice(parser, "schedule", Schedule, "course of the learning rate (default: constant)")
    _add_choice(
        parser,
        "precision",
        Precision,
        "of stages (default: mixed where GPU or CPU compute bfloat16, else float32)",
    )
    _add_splits_and_switches(parser)


def _add_splits_and_switches(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="end after this many epochs without a better one (default: train all epochs)",
    )
    parser.add_argument(
        "--class-weights", action="store_true", help="let photos of rare classes count more"
    )
    parser.add_argument(
        "--split-seed",
        type=int,
        metavar="N",
        help="draw new splits from this seed (default: the dataset's own)",
    )
    parser.add_argument(
        "--no-standardise",
        dest="standardise",
        action="store_false",
        help="give the head the features as they are",
    )


def read_recipe(
    workspace: Workspace, arguments: argparse.Namespace, *, dataset_id: str, weights_digest: str
) -> Recipe:
    """Returns the recipe of the options that were offered; the others have their defaults.

    Raises:
        AugmentationRefused: No policy has that name.
    """
    options = {name: value for name, value in vars(arguments).items() if name in _DEFAULTS}
    given = {name: value for name, value in options.items() if value is not None}
    strategy = given.get("strategy", _DEFAULTS["strategy"])
    suggested = suggest_settings(strategy, find_device().kind) | {"views": SUGGESTED_VIEWS}
    given["augmentation"] = read_policy(workspace, arguments.policy)
    return Recipe(**suggested | given | {"dataset": dataset_id, "weights_digest": weights_digest})


def _add_choice(parser: argparse._ActionsContainer, name: str, choices: Any, what: str) -> None:
    parser.add_argument(f"--{name}", choices=get_args(choices), help=what)


def _parse_units(text: str) -> tuple[int, ...]:
    return tuple(int(units) for units in text.split(",") if units.strip())
