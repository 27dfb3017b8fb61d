"""From a recipe to the plans of its fits: what the training code takes."""

from dataclasses import asdict

from core.runs.recipe.recipe import Recipe
from models.plan import FitPlan, HeadShape

_SAME = (
    "optimizer",
    "momentum",
    "weight_decay",
    "schedule",
    "patience",
    "class_weights",
    "label_smoothing",
    "mixup",
    "batch_size",
    "seed",
)
"""Settings that mean the same in every phase."""


def plan_head(recipe: Recipe) -> FitPlan:
    """Returns the plan of a head on features: of the whole run, or of the first of two phases."""
    epochs = recipe.head_epochs if recipe.strategy == "two_phases" else recipe.epochs
    return _plan(recipe, epochs, recipe.learning_rate)


def plan_stages(recipe: Recipe, epochs_before: int = 0) -> FitPlan:
    """Returns the plan of the fit in which stages of the backbone are trained.

    Args:
        epochs_before: Epochs that the first of two phases took.
    """
    two = recipe.strategy == "two_phases"
    rate = recipe.fine_learning_rate if two else recipe.learning_rate
    return _plan(recipe, recipe.epochs - epochs_before, rate)


def shape_head(recipe: Recipe, n_classes: int) -> HeadShape:
    """Returns the head that the recipe asks for."""
    return HeadShape(n_classes=n_classes, hidden=recipe.hidden, dropout=recipe.dropout)


def describe_stages(recipe: Recipe, kind: str | None) -> dict[str, object]:
    """Returns all that decides the fit of stages beside its plan."""
    return {
        "dataset": recipe.dataset,
        "split_seed": recipe.split_seed,
        "weights": recipe.weights_digest,
        "version": 2,  # 1 began the second phase with another spread than the first
        "preprocessing": recipe.preprocessing,
        "stages": recipe.trained_stages,
        "kind": kind or "photos",
        "policy": asdict(recipe.augmentation),
        "views": recipe.views,
        "standardise": recipe.standardise,
        "precision": recipe.precision,
        "hidden": list(recipe.hidden),
        "dropout": recipe.dropout,
    }


def _plan(recipe: Recipe, epochs: int, rate: float) -> FitPlan:
    return FitPlan(
        **{name: getattr(recipe, name) for name in _SAME},
        epochs=epochs,
        learning_rate=rate,
        warmup_epochs=min(recipe.warmup_epochs, epochs - 1),
    )
