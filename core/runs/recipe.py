"""What to train: the recipe of a run, and the id that follows from it.

A recipe holds everything that changes the result and nothing else (no names, paths, worker counts).
Equal recipes have equal ids, so the same run is opened again instead of being trained twice.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from core.config import fingerprint
from core.errors import RecipeRefused
from core.workspace import check_identifier

MOST_HIDDEN_LAYERS = 4
MOST_UNITS = 4096
MOST_EPOCHS = 1000
MOST_BATCH = 4096
MOST_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run learns."""

    version: ClassVar[int] = 1

    dataset: str
    split_seed: int | None = None
    """None: the dataset's own splits. A number: splits drawn anew from it."""
    weights: Literal["pretrained", "random"] = "pretrained"
    weights_digest: str
    preprocessing: Literal["resnet", "unit"] = "resnet"
    hidden: tuple[int, ...] = ()
    """Units of each hidden layer of the head; empty: a linear head."""
    dropout: float = 0.5
    standardise: bool = True
    learning_rate: float = 1e-3
    batch_size: int = 32
    epochs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        # 0 and 0.0, [64] and (64,) are the same recipe and must have the same id.
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(self, "dropout", float(self.dropout))
        object.__setattr__(self, "learning_rate", float(self.learning_rate))

    @property
    def run_id(self) -> str:
        return fingerprint(self)


def validate(recipe: Recipe) -> None:
    """Returns nothing when the recipe can be trained.

    Raises:
        RecipeRefused: A value is out of its range; says which and what is allowed.
        BadIdentifier: The dataset is not an id.
    """
    check_identifier(recipe.dataset)
    _require(recipe.weights in ("pretrained", "random"), "weights", "“pretrained” or “random”")
    _require(recipe.preprocessing in ("resnet", "unit"), "preprocessing", "“resnet” or “unit”")
    _require(bool(recipe.weights_digest), "weights digest", "the digest of a weights file")
    _require(
        len(recipe.hidden) <= MOST_HIDDEN_LAYERS
        and all(1 <= units <= MOST_UNITS for units in recipe.hidden),
        "hidden layers",
        f"at most {MOST_HIDDEN_LAYERS} layers of 1 to {MOST_UNITS} units",
    )
    _require(0 <= recipe.dropout < 1, "dropout", "at least 0 and below 1")
    _require(
        math.isfinite(recipe.learning_rate) and 0 < recipe.learning_rate <= 1,
        "learning rate",
        "above 0 and at most 1",
    )
    _require(1 <= recipe.batch_size <= MOST_BATCH, "batch size", f"1 to {MOST_BATCH}")
    _require(1 <= recipe.epochs <= MOST_EPOCHS, "number of epochs", f"1 to {MOST_EPOCHS}")
    _require(0 <= recipe.seed <= MOST_SEED, "seed", f"0 to {MOST_SEED}")
    _require(
        recipe.split_seed is None or 0 <= recipe.split_seed <= MOST_SEED,
        "split seed",
        f"0 to {MOST_SEED}, or none for the dataset's own splits",
    )


def _require(holds: bool, name: str, allowed: str) -> None:
    if not holds:
        raise RecipeRefused(
            f"The {name} of the recipe is out of range.", f"Allowed is: {allowed}.", field=name
        )


def recipe_to_json(recipe: Recipe) -> str:
    """Returns the recipe as one JSON object, with its version."""
    content = {"version": recipe.version, **dataclasses.asdict(recipe)}
    return json.dumps(content, indent=2, allow_nan=False)


def recipe_from_json(text: str) -> Recipe:
    """Returns the recipe that `recipe_to_json` wrote.

    Raises:
        RecipeRefused: It is not a recipe, or one of another version of the program.
    """
    try:
        content = json.loads(text)
        version = content.pop("version")
        recipe = Recipe(**content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecipeRefused(
            "This is not a recipe that this version of the program can read.",
            "Make a new run with the recipe form.",
            cause=str(error),
        ) from error
    if version != Recipe.version:
        raise RecipeRefused(
            f"This recipe has version {version}; this program reads version {Recipe.version}.",
            "Make a new run with the recipe form.",
            found=version,
        )
    return recipe
