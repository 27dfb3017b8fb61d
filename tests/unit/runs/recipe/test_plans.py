"""Where sweeps look: settings are what their recipe says, and a recipe is found again in them."""

import dataclasses

import pytest

from core.errors import RecipeRefused
from core.runs.recipe.checking import validate
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
    plan_from_json,
    plan_to_json,
    write_setting,
)
from core.runs.recipe.recipe import Recipe
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
    assert find_space(RECIPE, SWEPT) == {name: SPACE[name] for name in SWEPT}


def test_a_sweep_keeps_the_id_it_had_when_its_optimiser_was_changed_before() -> None:
    plan = SweepPlan()
    assert item_id(RECIPE, plan) == item_id(base_recipe(RECIPE), plan)
    assert item_id(RECIPE, plan) == "49f2c8bb18911433"
    assert item_id(RECIPE, SweepPlan(trials=300, minutes=30)) != item_id(
        RECIPE, SweepPlan(trials=300)
    )
    for one in (plan, SweepPlan(minutes=30, vary=("strategy",))):
        assert plan_from_json(plan_to_json(one)) == one


def test_a_budget_ends_before_the_next_trial() -> None:
    plan = SweepPlan(trials=300, minutes=2)
    assert plan.share_done(3, 119.9) < 1 <= plan.share_done(3, 120.0)
    assert plan.share_done(300, 1.0) == 1
    assert SweepPlan(trials=4).share_done(3, 1e9) == 0.75
    assert plan.seconds_left([20.0, 30.0, 30.0]) == 40
    assert SweepPlan(trials=5).seconds_left([60.0, 1.0, 1.0]) == 2


def test_another_strategy_brings_what_suits_it_but_for_what_was_chosen() -> None:
    base = dataclasses.replace(RECIPE, learning_rate=0.02)
    stage = change_recipe(base, {"strategy": "last_stage"}, "gpu")
    assert (stage.learning_rate, stage.epochs, stage.precision) == (0.02, 8, "mixed")
    chosen = change_recipe(RECIPE, {"strategy": "full", "learning_rate": 0.005}, "gpu")
    assert (chosen.learning_rate, chosen.epochs) == (0.005, 5)
    phases = change_recipe(dataclasses.replace(RECIPE, epochs=3), {"strategy": "two_phases"})
    validate(phases)
    assert phases.head_epochs == 1
    one = find_space(dataclasses.replace(RECIPE, epochs=1), ("strategy",))["strategy"]
    assert isinstance(one, Choices) and "two_phases" not in one.values


def test_a_policy_is_varied_by_its_name() -> None:
    own = dataclasses.replace(PRESETS["gentle"], blur=PRESETS["strong"].blur)
    base = dataclasses.replace(RECIPE, augmentation=own, views=3)
    settings = first_settings(base, ("augmentation",))
    assert change_recipe(base, settings) == base
    strong = change_recipe(base, {"augmentation": "strong"})
    assert (strong.augmentation, strong.views) == (PRESETS["strong"], 3)
    assert change_recipe(base, {"augmentation": "none"}).augmentation.does_nothing
    assert change_recipe(RECIPE, {"augmentation": "gentle"}).views == 4


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
        SweepPlan(minutes=0),
        SweepPlan(minutes=10**6),
    ],
)
def test_a_plan_that_is_none_is_refused(plan: SweepPlan) -> None:
    with pytest.raises(RecipeRefused) as refused:
        check_plan(plan)
    assert refused.value.remedy


def test_a_search_for_a_rate_of_an_earlier_version_is_no_sweep() -> None:
    with pytest.raises(RecipeRefused):
        plan_from_json('{"kind": "rate", "lowest": 1e-06, "highest": 1.0, "steps": 100}')
