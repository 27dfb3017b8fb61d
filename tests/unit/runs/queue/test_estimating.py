"""Estimates before a run: what is kept costs nothing, what was measured here is believed."""

import pytest

from core.runs.queue.estimating import Estimate, estimate_run
from core.runs.queue.speeds import Work, note_speed
from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from data.policy import PRESETS
from models.devices import Device
from tests.training import make_recipe

CPU = Device(kind="cpu", name="test cpu", memory_bytes=None, cores=2, reason="")


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def estimate(workspace: Workspace, dataset: Dataset, **changes: object) -> Estimate:
    return estimate_run(workspace, make_recipe(workspace, dataset.id, **changes), dataset, CPU)


def test_kept_features_cost_nothing(trained_copy: Workspace, dataset: Dataset) -> None:
    labels = [label for label, _ in estimate(trained_copy, dataset).parts]
    assert labels == ["starting", "training the head"]
    other = Recipe(dataset=dataset.id, weights_digest="others")
    labels = [label for label, _ in estimate_run(trained_copy, other, dataset, CPU).parts]
    assert labels[:3] == ["starting", "preparing the backbone", "features of the photos"]


def test_it_is_measured_only_when_every_speed_is(trained_copy: Workspace, dataset: Dataset) -> None:
    before = estimate(trained_copy, dataset)
    assert not before.measured
    n = len(dataset.photo_numbers("train"))
    note_speed(trained_copy, CPU.name, "head", Work(2 * n))
    after = estimate(trained_copy, dataset, epochs=8)
    assert after.measured
    assert dict(after.parts)["training the head"] == pytest.approx(4)
    assert after.seconds == pytest.approx(sum(seconds for _, seconds in after.parts))
    assert after.low < after.seconds < after.high
    with_views = estimate(trained_copy, dataset, augmentation=PRESETS["gentle"], views=4)
    assert not with_views.measured


def test_views_cost_as_many_photos(trained_copy: Workspace, dataset: Dataset) -> None:
    note_speed(trained_copy, CPU.name, "extracting", Work(1.0))
    found = estimate(trained_copy, dataset, augmentation=PRESETS["gentle"], views=3)
    expected = 3 * len(dataset.photo_numbers("train"))
    assert dict(found.parts)["features of the views"] == pytest.approx(expected)


@pytest.mark.parametrize("strategy", ["last_stage", "full", "two_phases"])
def test_trained_stages_also_cost_their_scoring(
    trained_copy: Workspace, dataset: Dataset, strategy: str
) -> None:
    note_speed(trained_copy, CPU.name, "extracting", Work(1.0))
    parts = dict(estimate(trained_copy, dataset, strategy=strategy, epochs=8).parts)
    assert parts["scoring all photos"] == pytest.approx(len(dataset))
    assert parts["training the network"] > 0
    assert ("activations of the views" in parts) == (strategy != "full")
    assert ("training the head" in parts) == (strategy == "two_phases")


def test_epochs_of_the_checkpoint_cost_nothing(trained_copy: Workspace, dataset: Dataset) -> None:
    note_speed(trained_copy, CPU.name, "head", Work(len(dataset.photo_numbers("train"))))
    recipe = make_recipe(trained_copy, dataset.id, strategy="two_phases", epochs=8, head_epochs=3)
    whole = dict(estimate_run(trained_copy, recipe, dataset, CPU).parts)
    later = dict(estimate_run(trained_copy, recipe, dataset, CPU, epochs_done=5).parts)
    assert whole["training the head"] == pytest.approx(3)
    assert "training the head" not in later
    share = later["training the network"] / whole["training the network"]
    assert share == pytest.approx(3 / 5)


def test_plans_are_estimated_too(trained_copy: Workspace, dataset: Dataset) -> None:
    recipe = make_recipe(trained_copy, dataset.id, epochs=10, batch_size=8)
    n = len(dataset.photo_numbers("train"))
    note_speed(trained_copy, CPU.name, "head", Work(1.0))
    sweep = estimate_run(trained_copy, recipe, dataset, CPU, plan=SweepPlan(trials=7))
    assert dict(sweep.parts)["training the head"] == pytest.approx(7 * 10 * n)
    budget = estimate_run(trained_copy, recipe, dataset, CPU, plan=SweepPlan(minutes=2))
    assert budget.high == 120
    plan = SweepPlan(trials=7, vary=("strategy", "augmentation"))
    costly = estimate_run(trained_copy, recipe, dataset, CPU, plan=plan)
    parts = dict(costly.parts)
    assert not costly.measured and costly.high > costly.low
    assert parts["training the network"] > 0 and parts["features of the views"] > 0
