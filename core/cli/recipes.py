"""The options that make up a recipe; their defaults are the recipe's own."""

import argparse
from dataclasses import fields
from typing import Any

from core.runs.recipe import Recipe

_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Recipe)}


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
    add_backbone_options(parser)
    parser.add_argument(
        "--hidden",
        type=_parse_units,
        default=_DEFAULTS["hidden"],
        metavar="UNITS",
        help="hidden layers of the head, as in 256,128 (default: none, a linear head)",
    )
    for name, kind, what in (
        ("dropout", float, "share of units dropped before each dense layer"),
        ("learning_rate", float, "learning rate of Adam"),
        ("batch_size", int, "photos a step"),
        ("epochs", int, "passes over the training photos"),
        ("seed", int, "seed of everything random in training"),
    ):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=_DEFAULTS[name],
            metavar="N" if kind is int else "X",
            help=f"{what} (default: %(default)s)",
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


def read_recipe(arguments: argparse.Namespace, *, dataset_id: str, weights_digest: str) -> Recipe:
    """Returns the recipe of the options that were offered; the others have their defaults."""
    given = {name: value for name, value in vars(arguments).items() if name in _DEFAULTS}
    return Recipe(**given | {"dataset": dataset_id, "weights_digest": weights_digest})


def _parse_units(text: str) -> tuple[int, ...]:
    return tuple(int(units) for units in text.split(",") if units.strip())
