"""Where sweeps look: settings are what their recipe says, and a recipe is found again in them."""

import dataclasses

import pytest

from core.errors import RecipeRefused
from core.runs.recipe.plans import (
    SPACE,
    SWEPT,
    Choices,
    NumberRange,
    SweepPlan,
    base_recipe,
    change_recipe,
    check_plan,
    find_space,
    first_settings,
    searched_recipe,
    write_setting,
)
from core.runs.recipe.recipe import Recipe, validate
from core.runs.store import item_id
from data.policy import PRESETS

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d", hidden=(256,), dropout=0.35)


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        dataclasses.replace(RECIPE, hidden=(), batch_size=48, dropout=0.333),
        dataclasses.replace(RECIPE, hidden=(256, 128), learning_rate=0.7, label_smoothing=0.9),
    ],
)
def test_the_first_trial_is_the_recipe_whatever_its_settings(recipe: Recipe) -> None:
    settings = first_settings(recipe, SWEPT)
    assert settings["weight_decay"] == 0  # of Adam, which knows none
    assert change_recipe(recipe, settings) == recipe
    for name, space in find_space(recipe, SWEPT).items():
        assert isinstance(space, NumberRange) or settings[name] in space.values
    assert find_space(RECIPE, SWEPT) == SPACE


def test_a_sweep_keeps_the_id_it_had_when_its_optimiser_was_changed_before() -> None:
    plan = SweepPlan()
    assert item_id(RECIPE, plan) == item_id(base_recipe(RECIPE), plan)
    assert item_id(RECIPE, plan) == "49f2c8bb18911433"


def test_what_is_not_varied_stays() -> None:
    settings = first_settings(RECIPE, ("dropout",))
    assert list(settings) == ["dropout"]
    assert base_recipe(RECIPE, ("dropout",)) == RECIPE
    assert change_recipe(RECIPE, {"dropout": 0.6}).hidden == (256,)


def test_weight_decay_is_varied_with_an_optimiser_that_has_it() -> None:
    assert base_recipe(RECIPE, SWEPT).optimizer == "adamw"
    assert base_recipe(Recipe(**vars(RECIPE) | {"optimizer": "sgd"}), SWEPT).optimizer == "sgd"


@pytest.mark.parametrize("end", ["low", "high"])
def test_every_corner_can_be_trained(end: str) -> None:
    settings = {
        name: getattr(space, end) if isinstance(space, NumberRange) else space.values[-1]
        for name, space in SPACE.items()
    }
    corner = change_recipe(base_recipe(RECIPE), settings)
    validate(corner)  # raises where it cannot
    assert corner.learning_rate == settings["learning_rate"]


def test_a_rounded_setting_stays_inside_and_is_its_own_nearest() -> None:
    for space in SPACE.values():
        if isinstance(space, Choices):
            continue
        for value in (space.low, space.high, 0.123456 * space.high, -1.0, 99.0):
            nearest = space.nearest(value)
            assert space.low <= nearest <= space.high
            assert space.nearest(nearest) == nearest


def test_settings_read_well() -> None:
    assert write_setting(SPACE["learning_rate"].nearest(0.00123456)) == "0.00123"  # type: ignore[union-attr]
    assert write_setting("512 → 128") == "512 → 128"
    assert write_setting(0.15000000000000002) == "0.15"


@pytest.mark.parametrize(
    "plan",
    [
        SweepPlan(trials=0),
        SweepPlan(trials=10**6),
        SweepPlan(vary=()),
        SweepPlan(vary=("learning_rate", "seed")),
    ],
)
def test_a_plan_that_is_none_is_refused(plan: SweepPlan) -> None:
    with pytest.raises(RecipeRefused) as refused:
        check_plan(plan)
    assert refused.value.remedy


def test_recipes_that_a_search_cannot_tell_apart_share_it() -> None:
    other = Recipe(
        **vars(RECIPE)
        | {"learning_rate": 0.1, "epochs": 50, "schedule": "cosine", "warmup_epochs": 3}
        | {"strategy": "full", "augmentation": PRESETS["gentle"], "patience": 2}
    )
    assert searched_recipe(other) == searched_recipe(RECIPE)
    assert searched_recipe(other) != searched_recipe(Recipe(**vars(RECIPE) | {"hidden": ()}))
