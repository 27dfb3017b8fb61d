"""From a recipe to the plans of its fits: what the training code takes."""

from dataclasses import asdict, fields

from core.runs.recipe.recipe import SETTINGS, Recipe
from models.plan import FitPlan, HeadShape

_SHARED = SETTINGS.keys() & {one.name for one in fields(FitPlan)}


def plan_head(recipe: Recipe) -> FitPlan:
    """Return the plan of a head on features: of the whole run, or of the first of two phases."""
    return _plan(recipe, recipe.epochs_of_head, recipe.learning_rate)


def plan_stages(recipe: Recipe, epochs_before: int = 0) -> FitPlan:
    """Return the plan of the fit in which stages of the backbone are trained.

    Args:
        recipe: What the run is to learn.
        epochs_before: Epochs that the first of two phases took.
    """
    rate = recipe.fine_learning_rate if recipe.starts_with_head else recipe.learning_rate
    return _plan(recipe, recipe.epochs - epochs_before, rate)


def shape_head(recipe: Recipe, n_classes: int) -> HeadShape:
    """Return the head that the recipe asks for."""
    return HeadShape(n_classes=n_classes, hidden=recipe.hidden, dropout=recipe.dropout)


def describe_stages(recipe: Recipe, kind: str | None) -> dict[str, object]:
    """Return all that decides the fit of stages beside its plan."""
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
    values = {name: getattr(recipe, name) for name in _SHARED}
    warmup = min(recipe.warmup_epochs, epochs - 1)
    own = {"epochs": epochs, "learning_rate": rate, "warmup_epochs": warmup}
    return FitPlan(**values | own)
