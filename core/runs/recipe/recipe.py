"""What to train: the recipe of a run, and the id that follows from it.

A recipe holds everything that changes the result and nothing else (no names, paths, worker counts).
Equal recipes have equal ids, so the same run is opened again instead of being trained twice.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from core.config import FRAMING, Crops, Fit, Framing, fingerprint
from core.errors import RecipeRefused
from core.runs.recipe.photos import CROPS, FIT, SIDE, SPEED, check_network
from core.runs.recipe.settings import (
    LINEAR,
    MOST_EPOCHS,
    MOST_SEED,
    MOST_UNITS,
    Setting,
    described,
    read_settings_of,
)
from core.runs.recipe.strategies import (
    HEAD,
    STAGES,
    STRATEGIES,
    SUGGESTED,
    SUGGESTED_VIEWS,
    StrategyName,
    suggest_precision,
)
from core.workspace import check_identifier
from data.policy import AugmentationPolicy, check_policy, policy_from_dict
from models.catalogue import CATALOGUE, DEFAULT

Precision = Literal["float32", "mixed"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run learns, each field with the description of its setting.

    What a strategy does not use is set to its default, so that it cannot make a second run of the
    same training: `unfrozen` outside of two phases, say, or `warmup_epochs` without cosine.
    """

    version: ClassVar[int] = 2

    dataset: str
    split_seed: int | None = described(
        None, (0, MOST_SEED), help="draw new splits from this seed", none="the dataset's own"
    )
    weights: str = described(
        DEFAULT,
        help="“random” never saw a photo: for a demonstration without network",
        choices={name: entry.title for name, entry in CATALOGUE.items()},
    )
    weights_digest: str = field(
        metadata={
            "title": "weights file",
            "help": "the digest of a weights file",
            "used": lambda recipe: recipe.weights != "random",  # those come from no file
        }
    )
    preprocessing: Literal["resnet", "unit"] = described(
        "resnet",
        help="“resnet” is what the weights were trained with, “unit” is RGB from 0 to 1, for "
        "teaching",
        tip="The weights were trained with the first; the second shows what a mismatch costs.",
        choices={"resnet": "BGR, mean-subtracted", "unit": "[0, 1]"},
    )
    framing: Fit = described(FRAMING.how, **FIT)  # noqa: RUF009 (a field)
    photo_side: int = described(FRAMING.side, **SIDE)
    crops: Crops = described(FRAMING.crops, **CROPS)  # noqa: RUF009 (a field)
    speed: str = described("usual", **SPEED)
    strategy: StrategyName = described(  # noqa: RUF009 (a field)
        HEAD,
        help="what is trained",
        choices={name: strategy.title for name, strategy in STRATEGIES.items()},
    )
    augmentation: AugmentationPolicy = field(default_factory=AugmentationPolicy)
    views: int = described(
        1,
        (1, 32),
        label="Views of each photo",
        tip="Augmented views are computed once and kept; epochs walk through them.",
        usual=f"{SUGGESTED_VIEWS} with a policy",
        used=lambda recipe: recipe.keeps_views and not recipe.augmentation.does_nothing,
    )
    hidden: tuple[int, ...] = described(
        (),
        (1, MOST_UNITS),
        title="hidden layers",
        tip="Units of each layer between feature and answer. Type your own, as in 300, 100.",
        none=LINEAR,
    )
    dropout: float = described(
        0.5,
        (0, 0.95),
        step=0.1,
        help="share of units dropped behind each hidden layer; of the features where there is none",
    )
    standardise: bool = described(
        True, label="Standardise the features", help="give the head the features as they are"
    )
    optimizer: Literal["adam", "adamw", "sgd"] = described(
        "adam",
        label="Optimiser",
        help="how steps follow from gradients",
        choices={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"},
    )
    momentum: float = described(
        0.9,
        (0, 0.999),
        step=0.05,
        help="momentum (Nesterov) of sgd",
        used=lambda recipe: recipe.optimizer == "sgd",
    )
    weight_decay: float = described(
        0.0,
        (0, 1),
        step=1e-4,
        help="decoupled weight decay of adamw and sgd",
        used=lambda recipe: recipe.optimizer != "adam",
    )
    learning_rate: float = described(1e-3, (1e-8, 1), step=1e-4, help="learning rate")
    schedule: Literal["constant", "cosine", "plateau"] = described(
        "constant",
        label="Course of the rate",
        help="course of the learning rate: cosine falls to 0 over all epochs, plateau halves it "
        "after 2 epochs without a better one",
        choices={
            **{"constant": "constant", "cosine": "cosine with warm-up"},
            **{"plateau": "halved on a plateau"},
        },
    )
    warmup_epochs: int = described(
        0,
        (0, MOST_EPOCHS),
        label="Warm-up",
        help="epochs of cosine in which the rate rises from 0",
        tip="In epochs.",
        below="epochs",
        used=lambda recipe: recipe.schedule == "cosine",
    )
    patience: int | None = described(
        None,
        (1, MOST_EPOCHS),
        help="end after this many epochs without a better one",
        tip="Epochs to wait for a better one.",
        usual="train all epochs",
        none="none",
    )
    class_weights: bool = described(
        False, label="Rare classes count more", help="let photos of rare classes count more"
    )
    label_smoothing: float = described(
        0.0,
        (0, 0.9),
        step=0.05,
        help="share of the answer spread over all classes",
        none="none",
    )
    mixup: float = described(
        0.0,
        (0, 10),
        step=0.1,
        tip="Pairs of photos are mixed by a share drawn from a Beta distribution with this "
        "parameter. 0: none; 0.2 is usual.",
        none="none",
    )
    batch_size: int = described(32, (1, 4096), help="photos a step")
    epochs: int = described(10, (1, MOST_EPOCHS), help="passes over the training photos, in all")
    head_epochs: int = described(
        5,
        (1, MOST_EPOCHS),
        label="Of these, head only",
        help="of two phases: epochs of the first, in which only the head is trained",
        below="epochs",
        used=lambda recipe: recipe.starts_with_head,
    )
    unfrozen: int = described(
        1,
        (1, STAGES),
        label="Stages trained in the second phase",
        help="of two phases: how many of the last stages the second one trains, 1 to 5",
        choices=dict(
            enumerate(("conv5", "conv4 and conv5", "conv3 to conv5", "conv2 to conv5", "all"), 1)
        ),
        used=lambda recipe: STRATEGIES[recipe.strategy].stages is None,
    )
    fine_learning_rate: float = described(
        1e-4,
        (1e-8, 1),
        step=1e-4,
        label="Rate of the stages",
        help="of two phases: learning rate of the second one",
        used=lambda recipe: recipe.starts_with_head,
    )
    precision: Precision = described(  # noqa: RUF009 (a field)
        "float32",
        tip="Mixed: bfloat16 where stages are trained (float16 on GPUs without it); faster on "
        "GPUs and on CPUs that have it.",
        usual="mixed where the device has units for it, else float32",
        choices={"float32": "float32", "mixed": "mixed"},
        used=lambda recipe: recipe.trained_stages > 0,
    )
    computing: Literal["exact", "fast"] = described(
        "exact",
        tip="Exact: the same recipe gives the same curve here, bit for bit. Fast: a curve that is "
        "a little different each time; TensorFlow then compiles it on GPUs.",
        choices={"exact": "exact", "fast": "fast"},
        later=True,
        used=lambda recipe: recipe.trained_stages > 0,
    )
    seed: int = described(0, (0, MOST_SEED), help="seed of everything random in training")

    def __post_init__(self) -> None:
        # 0 and 0.0, [64] and (64,) are the same recipe and must have the same id.
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for one in SETTINGS.values():
            if isinstance(one.default, float):
                object.__setattr__(self, one.name, float(getattr(self, one.name)))
        for one in [one for one in SETTINGS.values() if one.has_default and not one.used(self)]:
            suggested = STRATEGIES[self.strategy].suggested
            object.__setattr__(self, one.name, suggested.get(one.name, one.default))

    @property
    def run_id(self) -> str:
        return fingerprint(self)

    @property
    def seen_as(self) -> Framing:
        """How the network sees a photo."""
        return Framing(how=self.framing, side=self.photo_side, crops=self.crops)

    @property
    def trained_stages(self) -> int:
        """How many of the last stages are trained, 0 to 5."""
        stages = STRATEGIES[self.strategy].stages
        return self.unfrozen if stages is None else stages

    @property
    def has_epochs(self) -> bool:
        """Whether it learns step by step, so that all but the photos' settings matter."""
        return STRATEGIES[self.strategy].has_epochs

    @property
    def starts_with_head(self) -> bool:
        """Whether the head is trained first, and stages of the backbone after it."""
        return STRATEGIES[self.strategy].starts_with_head

    @property
    def epochs_of_head(self) -> int:
        """Epochs in which only the head is trained: all of them, the first ones, or none."""
        if self.starts_with_head:
            return self.head_epochs
        return 0 if self.trained_stages else self.epochs

    @property
    def keeps_views(self) -> bool:
        """Whether anything is trained on views that are computed once and kept."""
        return STRATEGIES[self.strategy].head_alone or self.trained_stages == 1


SETTINGS = read_settings_of(Recipe, "strategy", lambda recipe: recipe.has_epochs)
"""Field of a recipe → its description, in the order of `Recipe`; those behind the strategy say how
steps are made."""


def suggest_settings(
    strategy: StrategyName, device_kind: Literal["cpu", "gpu"], half: str = "bfloat16"
) -> dict[str, Any]:
    """Return the settings that depend on the strategy and the values to begin with for this one."""
    suggested = STRATEGIES[strategy].suggested
    dependent = {name: suggested.get(name, SETTINGS[name].default) for name in SUGGESTED}
    return {**dependent, "precision": suggest_precision(strategy, device_kind, half)}


def validate(recipe: Recipe) -> None:
    """Check that the recipe can be trained, before it is queued.

    Raises:
        RecipeRefused: A value is out of its range; says which and what is allowed. Or photos are
            augmented, and the strategy has no epochs.
        AugmentationRefused: Its policy is not allowed.
        BadIdentifier: The dataset is not an id.
        NetworkUnsupported: It is of an earlier version and has another network.
    """
    check_identifier(recipe.dataset)
    check_network(recipe.speed, recipe.weights)
    check_policy(recipe.augmentation)
    if not (recipe.has_epochs or recipe.augmentation.does_nothing):
        raise RecipeRefused(
            "The exact head cannot use augmentation.",
            "Choose the augmentation “none”, or another strategy.",
            field="augmentation",
        )
    for one in SETTINGS.values():
        value = getattr(recipe, one.name)
        if not one.allows(value):
            raise _refuse(one, one.allowed)
        if one.below and one.used(recipe) and value >= getattr(recipe, one.below):
            raise _refuse(one, f"fewer than all {SETTINGS[one.below].title}")


def _refuse(setting: Setting, allowed: str) -> RecipeRefused:
    return RecipeRefused(
        f"The setting “{setting.title}” of the recipe is out of range.",
        f"Allowed is: {allowed}.",
        field=setting.title,
    )


def recipe_to_json(recipe: Recipe) -> str:
    """Return the recipe as one JSON object, with its version."""
    content = {"version": recipe.version, **dataclasses.asdict(recipe)}
    for one in SETTINGS.values():  # what came later is left out as in the id
        if one.later and content[one.name] == one.default:
            del content[one.name]
    return json.dumps(content, indent=2, allow_nan=False)


def recipe_from_json(text: str) -> Recipe:
    """Return the recipe that `recipe_to_json` wrote.

    Raises:
        RecipeRefused: It is not a recipe, or one of another version of the program.
    """
    try:
        content = json.loads(text)
        version = content.pop("version")
        if version != Recipe.version:
            raise RecipeRefused(
                f"This recipe has version {version}; this program reads version {Recipe.version}.",
                "Make a new run with the recipe form.",
                found=version,
            )
        content["augmentation"] = policy_from_dict(content["augmentation"])
        return Recipe(**content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecipeRefused(
            "This is not a recipe that this version of the program can read.",
            "Make a new run with the recipe form.",
            cause=str(error),
        ) from error
