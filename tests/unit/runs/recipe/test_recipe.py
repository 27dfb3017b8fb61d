"""Recipes: what changes the result changes the id, nothing else does; bad ones are refused."""

import dataclasses
import json
import math
from typing import Any, get_args

import pytest

from core.config import Framing
from core.errors import BadIdentifier, NetworkUnsupported, RecipeRefused
from core.runs.queue.queue import submit_run
from core.runs.recipe.checking import validate
from core.runs.recipe.recipe import (
    SETTINGS,
    Recipe,
    recipe_from_json,
    recipe_to_json,
    suggest_settings,
)
from core.runs.recipe.settings import LINEAR, parse_units, write_units
from core.runs.recipe.strategies import ADDED, STRATEGIES, StrategyName
from core.runs.recipe.words import list_settings, write_command
from core.runs.store import RunRecord, fold_repeats
from core.workspace import Workspace
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

PLAIN = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)
IDS: dict[str, dict[str, Any]] = {
    "c25c1bcb94bab6bb": {"head_epochs": 2, "unfrozen": 3, "precision": "mixed", "views": 9},
    "bf46e07f7f37529f": {"hidden": [512, 128], "dropout": 0, "learning_rate": 1, "seed": 7},
    "ea9e90436a0a257c": {
        **{"weights": "random", "weights_digest": "random-damped-1"},
        **{"split_seed": 0, "standardise": False},
    },
    "bc949b258ff447c1": {
        **{"augmentation": PRESETS["gentle"], "views": 4},
        **{"patience": 3, "class_weights": True},
    },
    "fc38609c42389a39": {
        **{"strategy": "last_stage", "learning_rate": 1e-4, "epochs": 8, "precision": "mixed"}
    },
    "8b292d7fd24195fb": {
        **{"strategy": "last_stage", "augmentation": PRESETS["strong"], "views": 2},
        **{"optimizer": "sgd", "momentum": 0.8, "weight_decay": 1e-4},
    },
    "cf79325d9cde6134": {
        **{"strategy": "full", "augmentation": PRESETS["randaugment"], "views": 4},
        **{"learning_rate": 1e-4, "epochs": 5},
    },
    "9d8fc686abf639e8": {
        **{"strategy": "full", "schedule": "cosine", "warmup_epochs": 2},
        **{"mixup": 0.2, "label_smoothing": 0.1, "batch_size": 16},
    },
    "3a3cc4e48e78cbec": {"strategy": "two_phases"},
    "82f8c48f5b15be0e": {
        **{"strategy": "two_phases", "head_epochs": 3, "unfrozen": 2, "fine_learning_rate": 1e-5},
        **{"optimizer": "adamw", "weight_decay": 0.01, "schedule": "plateau"},
    },
    "ecdc9698f4657815": {
        **{"strategy": "two_phases", "augmentation": PRESETS["gentle"], "views": 6},
        **{"unfrozen": 5, "epochs": 30, "preprocessing": "unit", "precision": "mixed"},
    },
}
"""Ids that recipes had before their settings were described → what is not a default in them."""


def test_ids_are_those_of_before() -> None:
    made = [Recipe(**vars(PLAIN) | changes).run_id for changes in IDS.values()]
    assert made == list(IDS)


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
        "computing": "fast",
        "framing": "pad",
        "photo_side": 288,
        "crops": "five",
        "speed": "fast",
    }
    # These count in a run without training.
    assert {*changes, "predictions", "outputs"} == {
        field.name for field in dataclasses.fields(Recipe)
    }
    ids = {dataclasses.replace(RECIPE, **{name: value}).run_id for name, value in changes.items()}
    assert len(ids | {RECIPE.run_id}) == len(changes) + 1


def test_the_id_does_not_depend_on_how_a_number_was_typed() -> None:
    typed = dataclasses.replace(RECIPE, dropout=0, learning_rate=1, hidden=[8])
    written = dataclasses.replace(RECIPE, dropout=0.0, learning_rate=1.0, hidden=(8,))
    assert typed.run_id == written.run_id


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
        changed = dataclasses.replace(PLAIN, **{name: value})  # type: ignore[arg-type]
        assert changed.run_id == PLAIN.run_id, name


def test_every_strategy_is_described_and_begins_with_what_can_be_trained() -> None:
    assert (*STRATEGIES, ADDED) == get_args(StrategyName)
    for name, strategy in STRATEGIES.items():
        assert strategy.title and strategy.words and strategy.sentence
        validate(dataclasses.replace(PLAIN, strategy=name, **suggest_settings(name, "gpu")))


def test_an_added_model_is_a_recipe_with_weights_and_outputs() -> None:
    added = Recipe(
        **{"dataset": PLAIN.dataset, "weights": "added", "weights_digest": "e" * 64},
        **{"strategy": ADDED, "outputs": [1, 0, -1], "preprocessing": "signed", "epochs": 3},
        framing="squeeze",
    )
    validate(added)
    assert (added.is_added, added.has_model, added.way.words) == (True, True, "added model")
    assert (added.outputs, added.preprocessing, added.epochs) == ((1, 0, -1), "signed", 10)
    assert recipe_from_json(recipe_to_json(added)) == added
    other = dataclasses.replace(added, outputs=(0, 1, -1))
    assert len({added.run_id, other.run_id, PLAIN.run_id}) == 3
    assert list_settings(added)["outputs"] == "mapped"
    for change in ({"outputs": (-1, -1)}, {"weights": "starter"}, {"strategy": "head"}):
        with pytest.raises(RecipeRefused):
            validate(dataclasses.replace(added, **change))
    table = dataclasses.replace(added, predictions="f" * 64)
    assert (table.has_model, table.weights, table.outputs) == (False, "pretrained", ())


def test_a_setting_that_came_later_counts_where_it_changes_the_result() -> None:
    full = dataclasses.replace(PLAIN, strategy="full")
    fast = dataclasses.replace(full, computing="fast")
    assert dataclasses.replace(fast, computing="exact").run_id == full.run_id != fast.run_id
    assert dataclasses.replace(fast, strategy="head") == PLAIN  # a head is exact in any case
    assert recipe_from_json(recipe_to_json(fast)) == fast
    padded = dataclasses.replace(full, framing="pad")
    assert dataclasses.replace(padded, framing="crop").run_id == full.run_id != padded.run_id
    assert padded.seen_as == Framing(how="pad")
    content = json.loads(recipe_to_json(full))
    newer = {"predictions", "outputs", "computing", "framing", "photo_side", "crops", "speed"}
    assert newer.isdisjoint(content)
    assert recipe_from_json(json.dumps(content)) == full


@pytest.mark.parametrize(
    ("changes", "run_id"),
    [
        ({"weights": "dino"}, "8b20aa3d8e8b0601"),
        ({"speed": "fast"}, "b5c98c422e260958"),
        ({"photo_side": 160}, "02db040d31980121"),
        ({"photo_side": 448, "crops": "five"}, "33432e4cf9d363ea"),
    ],
)
def test_a_stored_recipe_with_another_network_is_read_but_not_trained_again(
    changes: dict[str, Any], run_id: str
) -> None:
    former = dataclasses.replace(PLAIN, **changes)
    assert former.run_id == run_id
    assert recipe_from_json(recipe_to_json(former)) == former
    with pytest.raises(NetworkUnsupported, match="not supported"):
        validate(former)
    for name, value in changes.items():
        title = SETTINGS[name].label
        said = list_settings(former).get(title[0].lower() + title[1:])
        assert said == str(value)
        assert name == "weights" or name.replace("_", "-") not in write_command(former)


@pytest.mark.parametrize(
    ("strategy", "stages", "epochs_of_head", "keeps_views"),
    [
        ("head", 0, 10, True),
        ("last_stage", 1, 0, True),
        ("full", 5, 0, False),
        ("two_phases", 2, 4, True),
    ],
)
def test_a_strategy_says_what_is_trained_when(
    strategy: StrategyName, stages: int, epochs_of_head: int, keeps_views: bool
) -> None:
    recipe = dataclasses.replace(PLAIN, strategy=strategy, unfrozen=2, head_epochs=4)
    assert recipe.trained_stages == stages
    assert recipe.epochs_of_head == epochs_of_head
    assert recipe.keeps_views is keeps_views


def test_a_phase_must_leave_an_epoch_to_the_other() -> None:
    with pytest.raises(RecipeRefused, match="head epochs"):
        validate(dataclasses.replace(RECIPE, epochs=5, head_epochs=5))
    with pytest.raises(RecipeRefused, match="warmup epochs"):
        validate(dataclasses.replace(PLAIN, schedule="cosine", warmup_epochs=10))


def test_settings_say_what_is_allowed() -> None:
    said = {name: one.allowed for name, one in SETTINGS.items()}
    assert said["dropout"] == "0 to 0.95"
    assert said["patience"] == "1 to 1,000, or none"
    assert said["optimizer"] == "“adam” or “adamw” or “sgd”"
    assert said["hidden"] == "at most 4 layers of 1 to 4,096 units"


def test_hidden_layers_are_typed_as_one_likes() -> None:
    assert (
        parse_units("512 → 128") == parse_units("512, 128") == parse_units("512,128,") == (512, 128)
    )
    assert parse_units(LINEAR) == parse_units("") == ()
    for hidden in ((), (64,), (300, 20, 5)):
        assert parse_units(write_units(hidden)) == hidden
    for unread in ("abc", "-40", "3 x 100", "12.5", "9" * 5000):
        with pytest.raises(ValueError, match="cannot be read"):
            parse_units(unread)


def make_run(workspace: Workspace, accuracy: float | None = None, **changes: object) -> RunRecord:
    recipe = Recipe(dataset="0123456789abcdef", weights_digest="w", **changes)  # type: ignore[arg-type]
    run, _ = submit_run(workspace, recipe)
    if accuracy is None:
        return run
    return dataclasses.replace(run, state="done", best_val_accuracy=accuracy, val_photos=100)


def test_seeds_are_folded_and_nothing_else(workspace: Workspace) -> None:
    accuracies = (0.80, 0.84, 0.88)
    seeds = [make_run(workspace, each, seed=i) for i, each in enumerate(accuracies)]
    other = make_run(workspace, 0.5, epochs=3)
    folded = fold_repeats([seeds[0], other, *seeds[1:]])
    assert [one.runs for one in folded] == [tuple(seeds), (other,)]
    assert folded[0].mean_accuracy == pytest.approx(0.84)
    assert folded[0].spread == pytest.approx(0.04)
    assert folded[1].mean_accuracy == 0.5
    assert math.isnan(folded[1].spread)


def test_only_finished_runs_are_measured(workspace: Workspace) -> None:
    waiting = make_run(workspace, seed=0)
    (folded,) = fold_repeats([waiting, make_run(workspace, 0.7, seed=1)])
    assert len(folded.measured) == 1
    assert folded.mean_accuracy == 0.7
    (alone,) = fold_repeats([waiting])
    assert alone.mean_accuracy is None


def test_a_stopped_run_stands_alone(workspace: Workspace) -> None:
    stopped = dataclasses.replace(make_run(workspace, 0.6, seed=0), stopped=True)
    assert len(fold_repeats([stopped, make_run(workspace, 0.7, seed=1)])) == 2
