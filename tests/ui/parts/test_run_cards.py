"""The recipe as people read it: what was used, and nothing that was not."""

import pytest

from core.errors import RecipeRefused
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.words import list_settings
from core.ui.recipes.values import LINEAR, describe_hidden, parse_hidden
from data.policy import PRESETS


def test_a_head_says_nothing_of_stages() -> None:
    said = list_settings(Recipe(dataset="abc", weights_digest="d"))
    assert said["strategy"] == "head"
    assert said["augmentation"] == "none"
    assert not {"precision", "momentum", "weight decay", "views of each photo"} & set(said)


def test_everything_that_was_used_is_said() -> None:
    recipe = Recipe(
        dataset="abc",
        weights_digest="d",
        strategy="two_phases",
        optimizer="sgd",
        schedule="cosine",
        warmup_epochs=2,
        patience=3,
        augmentation=PRESETS["gentle"],
        views=6,
    )
    said = list_settings(recipe)
    assert said["augmentation"] == "gentle"
    assert said["views of each photo"] == "6"
    assert said["of these, head only"] == "5"
    assert said["learning rate"] == "0.001, cosine"
    assert said["stops early"] == "after 3 epochs without a better one"
    assert {"momentum", "weight decay", "warm-up", "precision"} <= set(said)


def test_hidden_layers_are_typed_as_one_likes() -> None:
    assert parse_hidden("512 → 128") == parse_hidden("512, 128") == (512, 128)
    assert parse_hidden(LINEAR) == parse_hidden("") == ()
    for hidden in ((), (64,), (300, 20, 5)):
        assert parse_hidden(describe_hidden(hidden)) == hidden
    for unread in ("abc", "-40", "3 x 100", "12.5", "9" * 5000):
        with pytest.raises(RecipeRefused):
            parse_hidden(unread)
