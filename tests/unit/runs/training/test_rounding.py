"""The fast backbone: another one than the usual, made and judged once, before a head learns."""

import dataclasses
import json

import numpy as np
import pytest

from core.datasets.quality.store import find_feature_sets
from core.errors import BackboneMissing, ExtraMissing, RecipeRefused
from core.prediction.predictor import open_predictor
from core.registry.loading import open_version
from core.registry.registering import register_run
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.training.preparing import Preparation, prepare_backbone, prepare_features
from core.runs.training.rounding import mark_weights, prepare_rounded, say_speed
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from models.backbone import (
    FACTS_FILE,
    NETWORK_FILE,
    BackboneFacts,
    backbone_id,
    read_backbone_facts,
)
from models.devices import find_device
from models.rounding import round_backbone
from models.weights import Weights, find_weights
from tests.training import change_recipe, train
from tests.views import Ear


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    """The dataset of the finished run: 36 photos, their features kept."""
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


@pytest.fixture
def recipe(trained_copy: Workspace) -> Recipe:
    return change_recipe(trained_copy, speed="fast", strategy="exact")


@pytest.fixture
def weights(trained_copy: Workspace, recipe: Recipe, dataset: Dataset) -> Weights:
    return mark_weights(recipe, find_weights(trained_copy, "random"), dataset)


def listen(workspace: Workspace, ear: Ear) -> Preparation:
    return Preparation(workspace=workspace, device=find_device(), listener=ear)  # type: ignore[arg-type]


def copy_network(
    workspace: Workspace, usual: BackboneFacts, backbone: str, photos: np.ndarray
) -> None:
    """Write the network of `usual`, whatever that is, as the fast backbone of this id."""
    source, folder = workspace.backbone_folder(usual.id), workspace.backbone_folder(backbone)
    folder.mkdir()
    for name in usual.files:
        (folder / name).write_bytes((source / name).read_bytes())
    facts = dataclasses.replace(usual, id=backbone, precision="int8", rounded_from=usual.id)
    (folder / FACTS_FILE).write_text(json.dumps(facts.describe()))
    assert (folder / NETWORK_FILE).exists()
    assert photos.dtype == np.uint8


def test_only_a_fast_recipe_has_another_id_and_another_backbone(
    trained_copy: Workspace, recipe: Recipe, dataset: Dataset, weights: Weights
) -> None:
    usual, found = dataclasses.replace(recipe, speed="usual"), find_weights(trained_copy, "random")
    assert usual.run_id == change_recipe(trained_copy, strategy="exact").run_id != recipe.run_id
    assert mark_weights(usual, found, dataset) == found
    assert backbone_id(weights, "resnet") != backbone_id(found, "resnet")
    other = dataclasses.replace(recipe, split_seed=1)
    assert mark_weights(other, found, dataset).rounded != weights.rounded
    assert dataclasses.replace(recipe, strategy="full").speed == "usual"


def test_what_was_not_made_and_judged_is_never_replaced(
    trained_copy: Workspace, recipe: Recipe, dataset: Dataset, weights: Weights
) -> None:
    with pytest.raises(BackboneMissing):
        prepare_backbone(listen(trained_copy, Ear()), weights, "resnet")
    assert say_speed(trained_copy, recipe, dataset).startswith("The run first checks")
    assert say_speed(trained_copy, dataclasses.replace(recipe, speed="usual"), dataset) == ""
    spent = dict(estimate_run(trained_copy, recipe, dataset, find_device()).parts)
    assert spent.keys() >= {"preparing the backbone", "features of the photos"}


def test_without_nncf_it_says_what_to_install(
    trained_copy: Workspace, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nncf", None)
    usual = read_backbone_facts(
        trained_copy, backbone_id(find_weights(trained_copy, "random"), "resnet")
    )
    with pytest.raises(ExtraMissing, match="nncf"):
        round_backbone(
            trained_copy, usual, backbone_id(weights, "resnet"), np.empty((0, 224, 224, 3))
        )


def test_equal_answers_pass_and_other_ones_are_refused_for_good(
    trained_copy: Workspace,
    recipe: Recipe,
    dataset: Dataset,
    weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ear, train_photos = Ear(), dataset.photo_numbers("train")
    monkeypatch.setattr("models.rounding.round_backbone", copy_network)
    prepare_rounded(listen(trained_copy, ear), recipe, weights, dataset, train_photos)
    facts = read_backbone_facts(trained_copy, backbone_id(weights, "resnet"))
    assert facts.judged is not None
    assert facts.judged["equal"] == facts.judged["photos"] == len(train_photos)
    assert facts.cosine > 0.999
    assert say_speed(trained_copy, recipe, dataset).startswith("Allowed on this dataset: 100 %")
    # Features of its own; what goes by a dataset's features goes by the usual ones.
    sets = find_feature_sets(trained_copy, dataset.id)
    assert [one.label for one in sets] == ["random", "random, 8-bit integers"]
    judged = facts.judged | {"equal": facts.judged["photos"] - 1}
    file = trained_copy.backbone_folder(facts.id) / FACTS_FILE
    file.write_text(json.dumps(facts.describe() | {"judged": judged}))
    told = Ear()
    for _ in range(2):
        with pytest.raises(RecipeRefused, match="too many answers change") as refused:
            prepare_rounded(listen(trained_copy, told), recipe, weights, dataset, train_photos)
        assert refused.value.facts["equal"] == judged["equal"]
    assert told.told.phases == []
    assert say_speed(trained_copy, recipe, dataset).startswith("Refused on this dataset")


@pytest.mark.slow
def test_a_fast_run_goes_the_whole_way(
    trained_copy: Workspace, recipe: Recipe, dataset: Dataset, weights: Weights
) -> None:
    run = train(trained_copy, submit_run(trained_copy, recipe)[0])
    facts = read_backbone_facts(trained_copy, backbone_id(weights, "resnet"))
    assert facts.judged is not None
    if run.state == "failed":  # on another processor a photo of the few may be answered otherwise
        assert run.error_code == "recipe_refused"
        return
    result = read_result(trained_copy, run.id)
    assert (result.backbone_id, facts.precision) == (facts.id, "int8")
    usual = prepare_features(
        listen(trained_copy, Ear()), dataset, find_weights(trained_copy, "random"), "resnet"
    )
    assert usual.features_id != result.features_id
    register_run(trained_copy, run.id)
    for predictor in (open_predictor(trained_copy, run.id), open_version(trained_copy, 1)):
        assert predictor.backbone_facts.precision == "int8"
        answer = predictor.predict(dataset.original(17))
        np.testing.assert_allclose(answer.scores, result.scores[17], atol=1e-2)


@pytest.mark.slow
def test_rounding_says_nothing_where_programs_read_json(
    trained_copy: Workspace, dataset: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    usual = backbone_id(find_weights(trained_copy, "random"), "resnet")
    facts = read_backbone_facts(trained_copy, usual)
    capfd.readouterr()
    for made in ("0" * 16, "1" * 16):
        round_backbone(trained_copy, facts, made, np.asarray(dataset.photos[:2]))
    assert capfd.readouterr().out == ""
    made = [read_backbone_facts(trained_copy, name).files for name in ("0" * 16, "1" * 16)]
    assert made[0]["backbone.bin"] == made[1]["backbone.bin"] != facts.files["backbone.bin"]
