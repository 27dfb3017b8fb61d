"""What to train: the recipe of a run, and the id that follows from it.

A recipe holds everything that changes the result and nothing else (no names, paths, worker counts).
Equal recipes have equal ids, so the same run is opened again instead of being trained twice.
"""

import dataclasses
import json
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Literal

from core.config import fingerprint
from core.errors import RecipeRefused
from data.policy import AugmentationPolicy, policy_from_dict

Strategy = Literal["head", "last_stage", "full", "two_phases"]
Optimizer = Literal["adam", "adamw", "sgd"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["float32", "mixed"]

STAGES = 5
"""Stages of ResNet-50, conv1 to conv5."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run learns.

    What a strategy does not use is set to its default, so that it cannot make a second run of the
    same training: `unfrozen` outside of two phases, say, or `warmup_epochs` without cosine.
    """

    version: ClassVar[int] = 2

    dataset: str
    split_seed: int | None = None
    """None: the dataset's own splits. A number: splits drawn anew from it."""
    weights: Literal["pretrained", "random"] = "pretrained"
    weights_digest: str
    preprocessing: Literal["resnet", "unit"] = "resnet"
    strategy: Strategy = "head"
    """head: on frozen features. last_stage: conv5 and head, from kept activations of conv4. full:
    all stages, photos augmented anew each epoch. two_phases: the head, then `unfrozen` stages."""
    augmentation: AugmentationPolicy = field(default_factory=AugmentationPolicy)
    views: int = 1
    """Augmented views kept of each training photo; epochs walk through them. 1 without policy."""
    hidden: tuple[int, ...] = ()
    """Units of each hidden layer of the head; empty: a linear head."""
    dropout: float = 0.5
    standardise: bool = True
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    """Of SGD (Nesterov)."""
    weight_decay: float = 0.0
    """Decoupled, of AdamW and SGD."""
    learning_rate: float = 1e-3
    schedule: Schedule = "constant"
    """cosine: down to 0 over all epochs. plateau: halved after 2 epochs without a better one."""
    warmup_epochs: int = 0
    """Of cosine: epochs in which the rate rises from 0."""
    patience: int | None = None
    """Epochs without a better one after which training ends; None: all epochs are trained."""
    class_weights: bool = False
    """Photos of rare classes count more: n / (k * photos of the class)."""
    label_smoothing: float = 0.0
    mixup: float = 0.0
    """Alpha of the Beta distribution that pairs of photos are mixed by; 0: not mixed."""
    batch_size: int = 32
    epochs: int = 10
    """Of both phases together, where there are two."""
    head_epochs: int = 5
    """Of two phases: epochs in which only the head is trained."""
    unfrozen: int = 1
    """Of two phases: how many of the last stages the second one trains (1: conv5, 5: all)."""
    fine_learning_rate: float = 1e-4
    """Of two phases: learning rate of the second one."""
    precision: Precision = "float32"
    """mixed: bfloat16 where stages are trained."""
    seed: int = 0

    def __post_init__(self) -> None:
        # 0 and 0.0, [64] and (64,) are the same recipe and must have the same id.
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for one in fields(self):
            if one.type in (float, "float"):
                object.__setattr__(self, one.name, float(getattr(self, one.name)))
        for name in _find_unused(self):
            object.__setattr__(self, name, _DEFAULTS[name])

    @property
    def run_id(self) -> str:
        return fingerprint(self)

    @property
    def trained_stages(self) -> int:
        """How many of the last stages are trained, 0 to 5."""
        return {"head": 0, "last_stage": 1, "full": STAGES}.get(self.strategy, self.unfrozen)

    @property
    def keeps_views(self) -> bool:
        """Whether anything is trained on views that are computed once and kept."""
        return self.strategy != "full"


_DEFAULTS: dict[str, Any] = {
    one.name: one.default for one in fields(Recipe) if one.default is not MISSING
}


def _find_unused(recipe: Recipe) -> list[str]:
    """Returns the settings that change nothing beside the others."""
    unused = []
    if recipe.strategy != "two_phases":
        unused += ["head_epochs", "unfrozen", "fine_learning_rate"]
    if recipe.strategy == "head":
        unused += ["precision"]
    if recipe.augmentation.does_nothing or not recipe.keeps_views:
        unused += ["views"]
    if recipe.optimizer != "sgd":
        unused += ["momentum"]
    if recipe.optimizer == "adam":
        unused += ["weight_decay"]
    if recipe.schedule != "cosine":
        unused += ["warmup_epochs"]
    return unused


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
        if version != Recipe.version:
            raise _other_version(version)
        content["augmentation"] = policy_from_dict(content["augmentation"])
        return Recipe(**content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecipeRefused(
            "This is not a recipe that this version of the program can read.",
            "Make a new run with the recipe form.",
            cause=str(error),
        ) from error


def _other_version(version: object) -> RecipeRefused:
    return RecipeRefused(
        f"This recipe has version {version}; this program reads version {Recipe.version}.",
        "Make a new run with the recipe form.",
        found=version,
    )
