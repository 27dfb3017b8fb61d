"""The form holds every setting of a recipe, and gives the same recipe back."""

import pytest

from core.errors import RecipeRefused
from core.runs.recipe.recipe import Recipe
from core.ui.recipes.values import hold_recipe, read_hidden, release_recipe, suit_strategy
from data.policy import PRESETS

PLAIN = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"patience": 7, "split_seed": 0, "hidden": (64, 8), "standardise": False},
        {"strategy": "two_phases", "optimizer": "sgd", "augmentation": PRESETS["gentle"]},
    ],
)
def test_the_form_gives_the_recipe_back(changes: dict[str, object]) -> None:
    recipe = Recipe(**vars(PLAIN) | changes)
    held = hold_recipe(recipe)
    chosen = {name: getattr(recipe, name) for name in ("dataset", "weights", "weights_digest")}
    chosen |= {"augmentation": recipe.augmentation, "hidden": read_hidden(held["hidden"])}
    assert release_recipe(held, **chosen) == recipe


def test_a_change_of_strategy_keeps_what_was_chosen() -> None:
    held = hold_recipe(PLAIN) | {"learning_rate": 0.02}
    suited = suit_strategy(held, "head", "full")
    assert (suited["strategy"], suited["learning_rate"], suited["epochs"]) == ("full", 0.02, 5)


def test_hidden_layers_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(RecipeRefused) as refused:
        read_hidden("some")
    assert refused.value.remedy
