"""The options of a recipe: each reaches it, and what is left out suits the strategy."""

import argparse

import pytest

from core.cli.runs import RECIPE, read_recipe
from core.datasets.policies import save_policy
from core.errors import AugmentationRefused
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace
from data.policy import PRESETS


def read(workspace: Workspace, *options: str) -> Recipe:
    parser = argparse.ArgumentParser()
    for one in RECIPE:
        one.add_to(parser)
    arguments = parser.parse_args(options)
    return read_recipe(workspace, arguments, dataset="abc123", weights_digest="digest")


def test_without_options_it_is_the_default_recipe(workspace: Workspace) -> None:
    assert read(workspace) == Recipe(dataset="abc123", weights_digest="digest")


@pytest.mark.parametrize(
    ("strategy", "rate", "epochs"),
    [("head", 1e-3, 10), ("last_stage", 1e-4, 8), ("full", 1e-4, 5), ("two_phases", 1e-3, 10)],
)
def test_what_is_left_out_suits_the_strategy(
    workspace: Workspace, strategy: str, rate: float, epochs: int
) -> None:
    recipe = read(workspace, "--strategy", strategy)
    assert (recipe.learning_rate, recipe.epochs) == (rate, epochs)
    recipe = read(workspace, "--strategy", strategy, "--learning-rate", "0.02", "--epochs", "7")
    assert (recipe.learning_rate, recipe.epochs) == (0.02, 7)


def test_a_policy_is_named_and_gets_views(workspace: Workspace) -> None:
    save_policy(workspace, "mine", PRESETS["strong"])
    recipe = read(workspace, "--policy", "mine")
    assert (recipe.augmentation, recipe.views) == (PRESETS["strong"], 4)
    assert read(workspace, "--policy", "gentle", "--views", "9").views == 9
    with pytest.raises(AugmentationRefused):
        read(workspace, "--policy", "yours")
