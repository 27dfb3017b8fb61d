"""The options of a recipe: each reaches it, and what is left out suits the strategy."""

import pytest

from core.datasets.policies import save_policy
from core.errors import AugmentationRefused
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace
from data.policy import PRESETS
from tests.unit.runs.recipe.test_words import DATASET, PLAIN, parse


def read(workspace: Workspace, *options: str) -> Recipe:
    return parse(workspace, " ".join(["python -m core train", DATASET, *options]))


def test_without_options_it_is_the_default_recipe(workspace: Workspace) -> None:
    assert read(workspace) == PLAIN


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
