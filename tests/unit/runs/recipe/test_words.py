"""The command that a recipe is written as trains that recipe and no other."""

import argparse
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.cli.recipes import add_recipe_options, read_recipe
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.words import has_own_policy, list_settings, write_command
from core.workspace import Workspace
from data.policy import PRESETS, AugmentationPolicy, Part

DATASET, DIGEST = "0123456789abcdef", "d" * 64

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
    add_recipe_options(parser)
    arguments = parser.parse_args(words[4:])
    return read_recipe(workspace, arguments, dataset_id=arguments.dataset, weights_digest=DIGEST)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
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
        ({}, {"learning rate": "0.001, constant"}, "momentum"),
        ({"optimizer": "sgd"}, {"momentum": "0.9"}, "precision"),
        ({"strategy": "two_phases"}, {"of these, head only": "5"}, "views of each photo"),
        ({"patience": 3}, {"stops early": "after 3 epochs without a better one"}, "warm-up"),
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
