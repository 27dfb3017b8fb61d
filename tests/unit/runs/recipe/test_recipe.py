"""Recipes: what changes the result changes the id, nothing else does; bad ones are refused."""

import dataclasses
import json
import subprocess
import sys

import pytest

from core.errors import BadIdentifier, RecipeRefused
from core.runs.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from core.runs.recipe.rules import validate
from data.policy import PRESETS

# A recipe in which every setting is in use.
RECIPE = Recipe(
    dataset="0123456789abcdef",
    weights_digest="d" * 64,
    strategy="two_phases",
    augmentation=PRESETS["gentle"],
    optimizer="sgd",
    schedule="cosine",
)


def test_every_field_changes_the_id() -> None:
    changes = {
        "dataset": "fedcba9876543210",
        "split_seed": 0,
        "weights": "random",
        "weights_digest": "e" * 64,
        "preprocessing": "unit",
        "hidden": (64,),
        "dropout": 0.25,
        "standardise": False,
        "learning_rate": 0.01,
        "batch_size": 16,
        "epochs": 11,
        "seed": 1,
        "strategy": "full",
        "augmentation": PRESETS["strong"],
        "views": 3,
        "optimizer": "adamw",
        "momentum": 0.5,
        "weight_decay": 0.01,
        "schedule": "plateau",
        "warmup_epochs": 2,
        "patience": 4,
        "class_weights": True,
        "label_smoothing": 0.1,
        "mixup": 0.2,
        "head_epochs": 3,
        "unfrozen": 2,
        "fine_learning_rate": 1e-3,
        "precision": "mixed",
    }
    assert set(changes) == {field.name for field in dataclasses.fields(Recipe)}
    ids = {dataclasses.replace(RECIPE, **{name: value}).run_id for name, value in changes.items()}
    assert len(ids | {RECIPE.run_id}) == len(changes) + 1


def test_the_id_does_not_depend_on_how_a_number_was_typed() -> None:
    typed = dataclasses.replace(RECIPE, dropout=0, learning_rate=1, hidden=[8])
    written = dataclasses.replace(RECIPE, dropout=0.0, learning_rate=1.0, hidden=(8,))
    assert typed.run_id == written.run_id


def test_the_id_is_the_same_in_another_process() -> None:
    code = (
        "from core.runs.recipe.recipe import Recipe;"
        "from data.policy import PRESETS;"
        "print(Recipe(dataset='0123456789abcdef', weights_digest='d' * 64, optimizer='sgd',"
        "strategy='two_phases', augmentation=PRESETS['gentle'], schedule='cosine').run_id)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == RECIPE.run_id


def test_json_gives_the_recipe_back() -> None:
    recipe = dataclasses.replace(RECIPE, hidden=(128, 64), split_seed=3, learning_rate=3e-4)
    assert recipe_from_json(recipe_to_json(recipe)) == recipe


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "dataset": "abc", "colour": "red"}']
)
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(RecipeRefused):
        recipe_from_json(text)


def test_a_recipe_of_another_version_is_refused() -> None:
    content = json.loads(recipe_to_json(RECIPE)) | {"version": 99}
    with pytest.raises(RecipeRefused, match="99"):
        recipe_from_json(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "borrowed"},
        {"preprocessing": "none"},
        {"weights_digest": ""},
        {"hidden": (0,)},
        {"hidden": (1,) * 5},
        {"hidden": (10**6,)},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"batch_size": 0},
        {"epochs": 0},
        {"seed": -1},
        {"split_seed": -1},
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(RecipeRefused) as refusal:
        validate(dataclasses.replace(RECIPE, **change))
    assert refusal.value.remedy


def test_a_path_is_no_dataset() -> None:
    with pytest.raises(BadIdentifier):
        validate(dataclasses.replace(RECIPE, dataset="../../etc"))


def test_the_defaults_can_be_trained() -> None:
    validate(RECIPE)  # raises where a default is out of range
    assert (RECIPE.epochs, RECIPE.batch_size, RECIPE.dropout) == (10, 32, 0.5)


def test_what_a_strategy_does_not_use_makes_no_second_run() -> None:
    plain = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)
    idle: dict[str, object] = {
        "views": 4,
        "momentum": 0.5,
        "weight_decay": 0.1,
        "warmup_epochs": 3,
        "head_epochs": 2,
        "unfrozen": 4,
        "fine_learning_rate": 0.1,
        "precision": "mixed",
    }
    for name, value in idle.items():
        changed = dataclasses.replace(plain, **{name: value})  # type: ignore[arg-type]
        assert changed.run_id == plain.run_id, name
