"""The “fast” backbone of a recipe: made and judged before anything learns from it.

It is a backbone of its own, with features of its own, for the training photos of one dataset: 200
of them show how large activations become, and all of them say whether answers stay the same.
Validation and test photos are not asked.
"""

import contextlib
from dataclasses import asdict, replace

import numpy as np

from core.config import fingerprint
from core.errors import BackboneMissing, RecipeRefused, WeightsDamaged, WeightsMissing
from core.instant.leaving import answer_left_out
from core.instant.rounding import LEAST_EQUAL, Judgement, compare_answers
from core.runs.recipe.recipe import Recipe
from core.runs.training.preparing import (
    Preparation,
    prepare_backbone,
    prepare_features,
    prepare_photos,
)
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import BackboneFacts, backbone_exists, backbone_id, read_backbone_facts
from models.weights import Weights, find_weights

_SHOWN = 200
_AGREED = f"{100 * LEAST_EQUAL:g} %"


def find_recipe_weights(workspace: Workspace, recipe: Recipe, dataset: Dataset) -> Weights:
    """Return the weights that a recipe names, as `mark_weights` does.

    Raises:
        WeightsMissing: They are not on this machine, or others are there now.
        WeightsDamaged: Their file is damaged.
    """
    weights = find_weights(workspace, recipe.weights)
    if weights.digest != recipe.weights_digest:
        raise WeightsMissing(
            "The weights this recipe was made for are not the ones found now "
            f"({weights.label}, from {weights.origin}).",
            "Put the former weights back, or make a new run with those that are there.",
            wanted=recipe.weights_digest,
            found=weights.digest,
        )
    return mark_weights(recipe, weights, dataset)


def mark_weights(recipe: Recipe, weights: Weights, dataset: Dataset) -> Weights:
    """Return the weights as the recipe computes with them: rounded for its photos, or as usual."""
    if recipe.speed == "usual":
        return weights
    train = np.flatnonzero(dataset.choose_splits(recipe.split_seed) == "train")
    classes = [dataset.classes[label] for label in dataset.labels[train]]
    photos = sorted(zip(dataset.manifest["sha256"].iloc[train], classes, strict=True))
    return replace(weights, rounded=fingerprint({"photos": photos}))


def prepare_rounded(
    by: Preparation, recipe: Recipe, weights: Weights, dataset: Dataset, train: np.ndarray
) -> None:
    """Make the backbone of rounded weights and judge it, where that was not done.

    Args:
        train: (m,) int photo numbers, those that the weights were marked by.

    Raises:
        RecipeRefused: Too few answers are those of the usual backbone.
        ExtraMissing: NNCF is not installed.
        RunStopped, WeightsDamaged, ResultDamaged: As in `prepare_features`.
    """
    usual, shown_as = replace(weights, rounded=""), (recipe.preprocessing, recipe.seen_as)
    rounded = backbone_id(weights, *shown_as)
    if not backbone_exists(by.workspace, rounded):
        from models.rounding import round_backbone

        made_from = read_backbone_facts(by.workspace, prepare_backbone(by, usual, *shown_as))
        packed = np.load(prepare_photos(by, dataset, recipe.seen_as), mmap_mode="r")
        by.listener.begin_phase("backbone")
        digests = dataset.manifest["sha256"].to_numpy()[train]  # their order is as good as a draw
        round_backbone(
            by.workspace, made_from, rounded, packed[train[np.argsort(digests)][:_SHOWN]]
        )
    facts = read_backbone_facts(by.workspace, rounded)
    if facts.judged is None:
        both = (prepare_features(by, dataset, one, *shown_as) for one in (usual, weights))
        facts = _judge(by, facts, dataset, train, [one.values for one in both])
    judgement = Judgement(**facts.judged or {})
    if not judgement.passes:
        raise RecipeRefused(
            f"In 8-bit integers too many answers change on this dataset: {judgement.say()}",
            f"Choose the usual speed: fast needs {_AGREED} equal answers and no loss of accuracy.",
            field="speed",
            **asdict(judgement),
        )


def _judge(
    by: Preparation,
    facts: BackboneFacts,
    dataset: Dataset,
    train: np.ndarray,
    features: list[np.ndarray],
) -> BackboneFacts:
    """Return the facts with what exact heads answer from features by the usual one and by it."""
    from models.rounding import keep_judgement

    labels, n_classes = dataset.labels, len(dataset.classes)
    usual, rounded = (answer_left_out(one, labels, train, n_classes) for one in features)
    judgement = compare_answers(usual, rounded, labels[train])
    cosine = min(
        float((one @ other) / np.linalg.norm(one) / np.linalg.norm(other))
        for one, other in zip(*(one[train] for one in features), strict=True)
    )
    return keep_judgement(by.workspace, facts, asdict(judgement), cosine)


def say_speed(workspace: Workspace, recipe: Recipe, dataset: Dataset) -> str:
    """Return what is known of the fast backbone on this dataset; empty where it is not wanted."""
    if recipe.speed == "usual":
        return ""
    facts = None
    with contextlib.suppress(WeightsMissing, WeightsDamaged, BackboneMissing):
        weights = find_recipe_weights(workspace, recipe, dataset)
        backbone = backbone_id(weights, recipe.preprocessing, recipe.seen_as)
        facts = read_backbone_facts(workspace, backbone)
    if facts is None or facts.judged is None:
        return (
            f"The run first checks that {_AGREED} of the training photos, each left out once, get "
            "the same answer as usual and that no accuracy is lost; else it ends."
        )
    judgement = Judgement(**facts.judged)
    return f"{'Allowed' if judgement.passes else 'Refused'} on this dataset: {judgement.say()}"
