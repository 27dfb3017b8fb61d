"""The recipe of a run: everything that changes its result, and nothing else.

Equal recipes have equal ids: the existing run is opened instead of training it again.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from core.config import FRAMING, PHOTO_SIZE, Fit, Framing, fingerprint
from core.errors import RecipeRefused
from core.runs.recipe.settings import (
    LINEAR,
    MOST_EPOCHS,
    MOST_SEED,
    MOST_UNITS,
    described,
    former,
    read_settings_of,
)
from core.runs.recipe.strategies import (
    ADDED,
    ADDED_MODEL,
    HEAD,
    NOT_TRAINED,
    STAGES,
    STRATEGIES,
    SUGGESTED,
    SUGGESTED_VIEWS,
    Strategy,
    StrategyName,
    suggest_precision,
)
from data.policy import AugmentationPolicy, policy_from_dict
from models.catalogue import ADDED as ADDED_WEIGHTS
from models.catalogue import CATALOGUE, DEFAULT, refuse_network

Precision = Literal["float32", "mixed"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run learns, each field with the description of its setting.

    A setting that the strategy does not use has its default: it cannot make a second run.
    """

    version: ClassVar[int] = 2

    dataset: str
    split_seed: int | None = described(
        None, (0, MOST_SEED), help="Seed of new splits.", none="the dataset's own"
    )
    weights: str = described(
        DEFAULT,
        help="Weights of the backbone. Only “pretrained” has to be downloaded.",
        choices={name: entry.title for name, entry in CATALOGUE.items()},
        used=lambda recipe: recipe.has_model,
    )
    weights_digest: str = field(
        metadata={
            "title": "weights file",
            "help": "the digest of a weights file",
            # Random weights are drawn, not read from a file.
            "used": lambda recipe: recipe.weights != "random" and recipe.has_model,
        }
    )
    preprocessing: Literal["resnet", "unit", "plain", "signed", "imagenet"] = described(
        "resnet",
        help="The weights expect BGR minus the ImageNet mean (resnet). The range 0 to 1 (unit) "
        "shows the cost of a mismatch.",
        choices={"resnet": "BGR, mean-subtracted", "unit": "[0, 1]"},
        used=lambda recipe: recipe.has_model,
    )
    framing: Fit = described(  # noqa: RUF009 (a field)
        FRAMING.how,
        label="Make photos square",
        help="Crop the centre, or pad the whole photo with a plain border.",
        choices={"crop": "Centre crop", "pad": "Pad"},
        later=True,
        used=lambda recipe: recipe.has_model,
    )
    photo_side: int = former(PHOTO_SIZE, lambda recipe: recipe.photo_side != PHOTO_SIZE)
    crops: str = former("centre", lambda recipe: recipe.crops != "centre")
    speed: str = former("usual", lambda recipe: recipe.speed != "usual")
    predictions: str = former("", lambda recipe: not recipe.has_model)
    """The digest of added predictions."""
    outputs: tuple[int, ...] = former((), lambda recipe: recipe.is_added and recipe.has_model)
    """For each class the number of an added model's output, or -1 for none."""
    strategy: StrategyName = described(  # noqa: RUF009 (a field)
        HEAD,
        help="Which part of the network learns.",
        choices={name: strategy.title for name, strategy in STRATEGIES.items()},
    )
    augmentation: AugmentationPolicy = field(default_factory=AugmentationPolicy)
    views: int = described(
        1,
        (1, 32),
        label="Views per photo",
        help="Augmented views are computed once and cached; each epoch uses the next view.",
        usual=f"{SUGGESTED_VIEWS} with a policy",
        used=lambda recipe: recipe.keeps_views and not recipe.augmentation.does_nothing,
    )
    hidden: tuple[int, ...] = described(
        (),
        (1, MOST_UNITS),
        title="hidden layers",
        help="Units of each hidden layer, such as 300, 100.",
        none=LINEAR,
    )
    dropout: float = described(
        0.5,
        (0, 0.95),
        step=0.1,
        help="Share of inputs that is randomly dropped at each step. Reduces overfitting.",
    )
    standardise: bool = described(
        True,
        label="Standardise features",
        help="Standardised features have mean 0 and standard deviation 1.",
    )
    optimizer: Literal["adam", "adamw", "sgd"] = described(
        "adam",
        label="Optimiser",
        help="Algorithm that updates the weights. Adam is a good start.",
        choices={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"},
    )
    momentum: float = described(
        0.9,
        (0, 0.999),
        step=0.05,
        help="Nesterov momentum of SGD.",
        used=lambda recipe: recipe.optimizer == "sgd",
    )
    weight_decay: float = described(
        0.0,
        (0, 1),
        step=1e-4,
        help="Shrinks the weights at each step (decoupled). AdamW and SGD only.",
        used=lambda recipe: recipe.optimizer != "adam",
    )
    learning_rate: float = described(
        1e-3, (1e-8, 1), step=1e-4, help="Too small: slow. Too large: does not converge."
    )
    schedule: Literal["constant", "cosine", "plateau"] = described(
        "constant",
        label="Rate schedule",
        help="Cosine falls to 0 over all epochs. Plateau halves the rate after 2 epochs without "
        "improvement.",
        choices={"constant": "Constant", "cosine": "Cosine", "plateau": "Halve on plateau"},
    )
    warmup_epochs: int = described(
        0,
        (0, MOST_EPOCHS),
        label="Warm-up epochs",
        help="First epochs of the cosine schedule, in which the rate rises from 0.",
        below="epochs",
        used=lambda recipe: recipe.schedule == "cosine",
    )
    patience: int | None = described(
        None,
        (1, MOST_EPOCHS),
        help="Stop after this many epochs without improvement.",
        usual="train all epochs",
        none="none",
    )
    class_weights: bool = described(
        False, help="Weight photos by the inverse size of their class, so that rare classes count."
    )
    label_smoothing: float = described(
        0.0, (0, 0.9), step=0.05, help="Share of each label spread over all classes.", none="none"
    )
    mixup: float = described(
        0.0,
        (0, 10),
        step=0.1,
        help="Mixes pairs of photos; the parameter of the Beta distribution. 0.2 is usual.",
        none="none",
    )
    batch_size: int = described(32, (1, 4096), help="Photos per step.")
    epochs: int = described(10, (1, MOST_EPOCHS), help="Passes over the training photos.")
    head_epochs: int = described(
        5,
        (1, MOST_EPOCHS),
        label="Epochs of the head alone",
        help="Epochs of the first of two phases, in which only the head learns.",
        below="epochs",
        used=lambda recipe: recipe.starts_with_head,
    )
    unfrozen: int = described(
        1,
        (1, STAGES),
        label="Stages of the second phase",
        help="How many of the last stages the second of two phases trains, 1 to 5.",
        choices=dict(
            enumerate(("conv5", "conv4 and conv5", "conv3 to conv5", "conv2 to conv5", "all"), 1)
        ),
        used=lambda recipe: recipe.way.stages is None,
    )
    fine_learning_rate: float = described(
        1e-4,
        (1e-8, 1),
        step=1e-4,
        label="Learning rate of the stages",
        help="Learning rate of the second of two phases.",
        used=lambda recipe: recipe.starts_with_head,
    )
    precision: Precision = described(  # noqa: RUF009 (a field)
        "float32",
        help="Mixed computes stages in bfloat16, or in float16 on older GPUs. Faster where the "
        "device supports it.",
        usual="mixed where the device supports it, else float32",
        choices={"float32": "float32", "mixed": "mixed"},
        used=lambda recipe: recipe.trained_stages > 0,
    )
    computing: Literal["exact", "fast"] = described(
        "exact",
        help="Exact: the same recipe gives the same curve on this machine. Fast: curves differ "
        "slightly, GPUs are faster.",
        choices={"exact": "exact", "fast": "fast"},
        later=True,
        used=lambda recipe: recipe.trained_stages > 0,
    )
    seed: int = described(0, (0, MOST_SEED), help="Seed of all random numbers in training.")

    def __post_init__(self) -> None:
        # 0 and 0.0, [64] and (64,) are the same recipe and must have the same id.
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(self, "outputs", tuple(self.outputs))
        for one in SETTINGS.values():
            if isinstance(one.default, float):
                object.__setattr__(self, one.name, float(getattr(self, one.name)))
        for one in [one for one in SETTINGS.values() if one.has_default and not one.used(self)]:
            suggested = self.way.suggested
            object.__setattr__(self, one.name, suggested.get(one.name, one.default))

    @property
    def run_id(self) -> str:
        return fingerprint(self)

    @property
    def seen_as(self) -> Framing:
        """How the network sees a photo."""
        return Framing(how=self.framing)

    @property
    def way(self) -> Strategy:
        """The description of its strategy."""
        return STRATEGIES.get(self.strategy, ADDED_MODEL if self.has_model else NOT_TRAINED)

    @property
    def is_added(self) -> bool:
        """Whether its model or predictions were made elsewhere: nothing was trained here."""
        return self.strategy == ADDED

    @property
    def has_model(self) -> bool:
        """Whether it has a model, not only added predictions."""
        return not (self.is_added and self.predictions)

    @property
    def trained_stages(self) -> int:
        """How many of the last stages are trained, 0 to 5."""
        stages = self.way.stages
        return self.unfrozen if stages is None else stages

    @property
    def has_epochs(self) -> bool:
        """Whether it learns step by step."""
        return self.way.has_epochs

    @property
    def starts_with_head(self) -> bool:
        """Whether a first phase trains the head alone."""
        return self.way.starts_with_head

    @property
    def epochs_of_head(self) -> int:
        """Epochs that train the head alone."""
        if self.starts_with_head:
            return self.head_epochs
        return 0 if self.trained_stages else self.epochs

    @property
    def keeps_views(self) -> bool:
        """Whether it learns from cached views."""
        return self.way.head_alone or self.trained_stages == 1


SETTINGS = read_settings_of(Recipe, "strategy", lambda recipe: recipe.has_epochs)
"""Field of a recipe → its description; the ones after the strategy describe the steps."""


def suggest_settings(
    strategy: StrategyName, device_kind: Literal["cpu", "gpu"], half: str = "bfloat16"
) -> dict[str, Any]:
    """Return the initial values of the settings that depend on the strategy."""
    suggested = STRATEGIES[strategy].suggested
    dependent = {name: suggested.get(name, SETTINGS[name].default) for name in SUGGESTED}
    return {**dependent, "precision": suggest_precision(strategy, device_kind, half)}


def check_network(recipe: Recipe) -> None:
    """Check that this version has the network of a recipe.

    Raises:
        NetworkUnsupported: The recipe is of an earlier version.
    """
    if recipe.weights not in (*CATALOGUE, ADDED_WEIGHTS):
        raise refuse_network(f"the weights “{recipe.weights[:80]}”")
    for name in ("photo_side", "crops", "speed"):
        if SETTINGS[name].used(recipe):
            raise refuse_network(f"{SETTINGS[name].title} {getattr(recipe, name)}")


def recipe_to_json(recipe: Recipe) -> str:
    """Return the recipe as JSON, with its version."""
    content = {"version": recipe.version, **dataclasses.asdict(recipe)}
    for one in SETTINGS.values():  # as in the id, newer settings are left out at their default
        if one.later and content[one.name] == one.default:
            del content[one.name]
    return json.dumps(content, indent=2, allow_nan=False)


def recipe_from_json(text: str) -> Recipe:
    """Return the recipe that `recipe_to_json` wrote.

    Raises:
        RecipeRefused: The text is not a recipe, or is of another version of the program.
    """
    try:
        content = json.loads(text)
        version = content.pop("version")
        if version != Recipe.version:
            problem = f"This recipe has version {version}, not {Recipe.version}."
            raise RecipeRefused(problem, "Start a new run on page Training.", found=version)
        content["augmentation"] = policy_from_dict(content["augmentation"])
        return Recipe(**content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        problem, remedy = "This recipe cannot be read.", "Start a new run on page Training."
        raise RecipeRefused(problem, remedy, cause=str(error)) from error
