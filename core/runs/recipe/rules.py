"""What a recipe may ask for: the range of every setting, checked before a run is queued."""

import math
from typing import get_args

from core.errors import RecipeRefused
from core.runs.recipe.recipe import STAGES, Optimizer, Precision, Recipe, Schedule, Strategy
from core.workspace import check_identifier
from data.policy import check_policy

MOST_HIDDEN_LAYERS = 4
MOST_UNITS = 4096
MOST_EPOCHS = 1000
MOST_BATCH = 4096
MOST_SEED = 2**31 - 1
MOST_VIEWS = 32


def validate(recipe: Recipe) -> None:
    """Returns nothing when the recipe can be trained.

    Raises:
        RecipeRefused: A value is out of its range; says which and what is allowed.
        AugmentationRefused: Its policy is not allowed.
        BadIdentifier: The dataset is not an id.
    """
    check_identifier(recipe.dataset)
    check_policy(recipe.augmentation)
    _require(bool(recipe.weights_digest), "weights digest", "the digest of a weights file")
    for name, allowed in _CHOICES.items():
        given = getattr(recipe, name)
        _require(given in allowed, _in_words(name), " or ".join(f"“{one}”" for one in allowed))
    for name, (least, most) in _RANGES.items():
        given = getattr(recipe, name)
        holds = math.isfinite(given) and least <= given <= most
        _require(holds, _in_words(name), f"{least:g} to {most:g}")
    _require(
        len(recipe.hidden) <= MOST_HIDDEN_LAYERS
        and all(1 <= units <= MOST_UNITS for units in recipe.hidden),
        "hidden layers",
        f"at most {MOST_HIDDEN_LAYERS} layers of 1 to {MOST_UNITS} units",
    )
    _require(
        recipe.split_seed is None or 0 <= recipe.split_seed <= MOST_SEED,
        "split seed",
        f"0 to {MOST_SEED}, or none for the dataset's own splits",
    )
    _require(
        recipe.patience is None or 1 <= recipe.patience <= MOST_EPOCHS,
        "patience",
        f"1 to {MOST_EPOCHS} epochs, or none to train all epochs",
    )
    _require(
        recipe.strategy != "two_phases" or recipe.head_epochs < recipe.epochs,
        "head epochs",
        "fewer than the epochs of both phases together",
    )
    _require(
        recipe.schedule != "cosine" or recipe.warmup_epochs < recipe.epochs,
        "warmup epochs",
        "fewer than all epochs",
    )


_CHOICES: dict[str, tuple[str, ...]] = {
    "weights": ("pretrained", "random"),
    "preprocessing": ("resnet", "unit"),
    "strategy": get_args(Strategy),
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
    "precision": get_args(Precision),
}

_RANGES: dict[str, tuple[float, float]] = {
    "views": (1, MOST_VIEWS),
    "dropout": (0, 0.95),
    "momentum": (0, 0.999),
    "weight_decay": (0, 1),
    "learning_rate": (1e-8, 1),
    "fine_learning_rate": (1e-8, 1),
    "warmup_epochs": (0, MOST_EPOCHS),
    "label_smoothing": (0, 0.9),
    "mixup": (0, 10),
    "batch_size": (1, MOST_BATCH),
    "epochs": (1, MOST_EPOCHS),
    "head_epochs": (1, MOST_EPOCHS),
    "unfrozen": (1, STAGES),
    "seed": (0, MOST_SEED),
}


def _in_words(name: str) -> str:
    return {"epochs": "number of epochs"}.get(name, name.replace("_", " "))


def _require(holds: bool, name: str, allowed: str) -> None:
    if not holds:
        raise RecipeRefused(
            f"The {name} of the recipe is out of range.", f"Allowed is: {allowed}.", field=name
        )
