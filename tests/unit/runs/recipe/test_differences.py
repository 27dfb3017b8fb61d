"""Recipes beside each other: what differs, in words, and nothing that changes nothing."""

import dataclasses

from core.runs.recipe.differences import UNUSED, list_differences
from core.runs.recipe.recipe import Recipe
from data.policy import PRESETS, AugmentationPolicy, Part

PLAIN = Recipe(dataset="0123456789abcdef", weights_digest="w" * 64)


def differences(*recipes: Recipe) -> dict[str, tuple[str, ...]]:
    return {one.setting: one.values for one in list_differences(recipes)}


def test_equal_recipes_do_not_differ() -> None:
    assert differences(PLAIN, dataclasses.replace(PLAIN)) == {}


def test_only_what_differs_is_listed_in_words() -> None:
    other = dataclasses.replace(PLAIN, hidden=(256, 128), patience=3, standardise=False)
    assert differences(PLAIN, other) == {
        "hidden layers": ("none (linear)", "256 → 128"),
        "standardise": ("yes", "no"),
        "patience": ("none", "3"),
    }


def test_a_setting_that_a_recipe_does_not_use_is_a_dash() -> None:
    other = dataclasses.replace(
        PLAIN, strategy="two_phases", unfrozen=2, optimizer="sgd", momentum=0.8
    )
    found = differences(PLAIN, other)
    assert found["strategy"] == ("head", "two phases")
    assert found["unfrozen"] == (UNUSED, "2")
    assert found["momentum"] == (UNUSED, "0.8")


def test_presets_are_named_and_own_policies_are_told_part_by_part() -> None:
    gentle = dataclasses.replace(PLAIN, augmentation=PRESETS["gentle"], views=4)
    found = differences(PLAIN, gentle)
    assert found == {"augmentation": ("none", "gentle"), "views": (UNUSED, "4")}
    own = AugmentationPolicy(
        rotation=Part(low=-5, high=5, probability=0.5),
        horizontal_flip=Part(low=1, high=1, probability=1),
    )
    found = differences(PLAIN, dataclasses.replace(PLAIN, augmentation=own))
    assert found["augmentation, rotation"] == ("never", "-5 to 5 degrees, 50 % of photos")
    assert found["augmentation, horizontal flip"] == ("never", "always")
