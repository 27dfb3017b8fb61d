"""Recipes in words: what was used, what differs, and the command that trains the same again."""

import argparse
import dataclasses
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.cli.runs import RECIPE, read_recipe
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.words import (
    UNUSED,
    has_own_policy,
    list_differences,
    list_settings,
    name_difference,
    write_command,
)
from core.workspace import Workspace
from data.policy import PRESETS, AugmentationPolicy, Part

DATASET, DIGEST = "0123456789abcdef", "d" * 64
PLAIN = Recipe(dataset=DATASET, weights_digest=DIGEST)

recipes = st.builds(
    Recipe,
    dataset=st.just(DATASET),
    weights_digest=st.just(DIGEST),
    split_seed=st.none() | st.integers(0, 99),
    weights=st.sampled_from(["pretrained", "random"]),
    preprocessing=st.sampled_from(["resnet", "unit"]),
    strategy=st.sampled_from(["head", "last_stage", "full", "two_phases"]),
    augmentation=st.sampled_from(list(PRESETS.values())),
    views=st.integers(1, 8),
    hidden=st.lists(st.integers(1, 512), max_size=2).map(tuple),
    dropout=st.sampled_from([0.0, 0.3, 0.5]),
    standardise=st.booleans(),
    optimizer=st.sampled_from(["adam", "adamw", "sgd"]),
    momentum=st.sampled_from([0.0, 0.9]),
    weight_decay=st.sampled_from([0.0, 1e-4]),
    learning_rate=st.floats(1e-6, 0.1),
    schedule=st.sampled_from(["constant", "cosine", "plateau"]),
    warmup_epochs=st.integers(0, 3),
    patience=st.none() | st.integers(1, 9),
    class_weights=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    mixup=st.sampled_from([0.0, 0.2]),
    batch_size=st.integers(1, 256),
    epochs=st.integers(6, 50),
    head_epochs=st.integers(1, 5),
    unfrozen=st.integers(1, 5),
    fine_learning_rate=st.floats(1e-7, 1e-2),
    precision=st.sampled_from(["float32", "mixed"]),
    seed=st.integers(0, 99),
)


def parse(workspace: Workspace, command: str) -> Recipe:
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "core", "train"]
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    for one in RECIPE:
        one.add_to(parser)
    arguments = parser.parse_args(words[4:])
    return read_recipe(workspace, arguments, dataset=arguments.dataset, weights_digest=DIGEST)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(recipe=recipes)
def test_the_command_gives_the_same_run(workspace: Workspace, recipe: Recipe) -> None:
    assert parse(workspace, write_command(recipe)) == recipe


def test_a_policy_of_ones_own_is_said() -> None:
    own = AugmentationPolicy(horizontal_flip=Part(probability=0.123))
    recipe = Recipe(dataset=DATASET, weights_digest=DIGEST, augmentation=own)
    assert has_own_policy(recipe) and "--policy POLICY" in write_command(recipe)
    gentle = Recipe(dataset=DATASET, weights_digest=DIGEST, augmentation=PRESETS["gentle"])
    assert not has_own_policy(gentle)


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, {"strategy": "head", "augmentation": "none"}, "views per photo"),
        ({}, {"learning rate": "0.001", "rate schedule": "constant"}, "momentum"),
        ({"optimizer": "sgd"}, {"momentum": "0.9"}, "precision"),
        ({"strategy": "two_phases"}, {"epochs of the head alone": "5"}, "views per photo"),
        ({"patience": 3}, {"patience": "3"}, "warm-up epochs"),
        ({"schedule": "cosine", "warmup_epochs": 2}, {"warm-up epochs": "2"}, "weight decay"),
        ({"augmentation": PRESETS["gentle"], "views": 6}, {"views per photo": "6"}, "unfrozen"),
    ],
)
def test_settings_that_change_nothing_are_left_out(
    changes: dict[str, object], said: dict[str, str], unsaid: str
) -> None:
    settings_in_words = list_settings(
        Recipe(dataset=DATASET, weights_digest=DIGEST, **changes)  # type: ignore[arg-type]
    )
    assert said.items() <= settings_in_words.items()
    assert unsaid not in settings_in_words


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


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"learning_rate": 0.01}, "learning rate 0.01"),
        ({"hidden": (64, 32), "dropout": 0.2}, "hidden layers 64 → 32, dropout 0.2"),
        ({"strategy": "last_stage", "learning_rate": 1e-4}, "last stage, learning rate 0.0001"),
        ({"class_weights": True, "standardise": False}, "without standardise, class weights"),
        ({"augmentation": PRESETS["gentle"], "views": 4}, "augmentation gentle"),
        ({"weights": "random", "weights_digest": "0" * 64}, "weights random"),
        (
            {"epochs": 9, "dropout": 0.1, "seed": 3, "batch_size": 8},
            "dropout 0.1, batch size 8, epochs 9 and 1 more",
        ),
    ],
)
def test_a_run_is_named_by_what_is_new(changes: dict[str, object], name: str) -> None:
    last = Recipe(dataset="a" * 16, weights_digest="b" * 64)
    assert name_difference(dataclasses.replace(last, **changes), last) == name  # type: ignore[arg-type]


def test_an_augmentation_of_ones_own_is_not_spelled_out_in_a_name() -> None:
    last = Recipe(dataset="a" * 16, weights_digest="b" * 64)
    policy = dataclasses.replace(PRESETS["gentle"], cutout=PRESETS["strong"].cutout)
    assert (
        name_difference(dataclasses.replace(last, augmentation=policy), last) == "own augmentation"
    )
