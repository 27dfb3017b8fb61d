"""A recipe in words: its settings as people read them, and the command that trains it again."""

import shlex
from dataclasses import fields

from core.formats import count
from core.installed import COMMAND
from core.runs.recipe.recipe import Recipe
from data.policy import PRESETS, describe_policy

_ALWAYS = ("epochs", "learning_rate")
"""Settings whose default on the command line depends on the strategy."""
_PARSED = (
    *("strategy", "weights", "preprocessing", "optimizer", "schedule", "patience", "split_seed"),
    *("dropout", "batch_size", "momentum", "weight_decay", "warmup_epochs", "label_smoothing"),
    *("mixup", "seed"),
)


def list_settings(recipe: Recipe) -> dict[str, str]:
    """Returns the settings that are used, in words; what changes nothing is left out."""
    own = recipe.split_seed is None
    rows = {
        "dataset": recipe.dataset,
        "splits": "the dataset's own" if own else f"seed {recipe.split_seed}",
        "weights": f"{recipe.weights} ({recipe.weights_digest[:12]})",
        "preprocessing": recipe.preprocessing,
        "strategy": recipe.strategy.replace("_", " "),
        "augmentation": describe_policy(recipe.augmentation),
    }
    if recipe.keeps_views and not recipe.augmentation.does_nothing:
        rows["views of each photo"] = str(recipe.views)
    rows |= {
        "hidden layers": " → ".join(map(str, recipe.hidden)) or "none (linear head)",
        "dropout": f"{recipe.dropout:g}",
        "standardised features": _yes(recipe.standardise),
    }
    return rows | _list_steps(recipe) | {"seed": str(recipe.seed)}


def write_command(recipe: Recipe) -> str:
    """Returns the command that trains the recipe again, and gives the same run.

    A policy that is none of the presets has no name here: it is written as POLICY.
    """
    words = [f"{COMMAND} train", recipe.dataset]
    defaults = {one.name: one.default for one in fields(Recipe)}
    names = [*_PARSED, *_ALWAYS]
    if recipe.strategy == "two_phases":
        names += ["head_epochs", "unfrozen", "fine_learning_rate"]
    if recipe.strategy != "head":
        names += ["precision"]
    always = {*_ALWAYS, "head_epochs", "unfrozen", "fine_learning_rate", "precision"}
    for name in names:
        value = getattr(recipe, name)
        if name in always or value != defaults[name]:
            words.append(f"--{name.replace('_', '-')} {_write(value)}")
    if not recipe.augmentation.does_nothing:
        words.append(f"--policy {_name_policy(recipe)}")
        words += [f"--views {recipe.views}"] if recipe.keeps_views else []
    words += [f"--hidden {','.join(map(str, recipe.hidden))}"] if recipe.hidden else []
    words += ["--class-weights"] if recipe.class_weights else []
    words += [] if recipe.standardise else ["--no-standardise"]
    return " ".join(words)


def has_own_policy(recipe: Recipe) -> bool:
    """Returns whether the augmentation is none of the presets, so that a name says too little."""
    return not recipe.augmentation.does_nothing and recipe.augmentation not in PRESETS.values()


def _name_policy(recipe: Recipe) -> str:
    named = {policy: name for name, policy in PRESETS.items()}
    return shlex.quote(named.get(recipe.augmentation, "POLICY"))


def _write(value: object) -> str:
    return f"{value!r}" if isinstance(value, float) else shlex.quote(str(value))


def _list_steps(recipe: Recipe) -> dict[str, str]:
    """Returns the settings of the steps that are used, in words."""
    rows = {"optimiser": recipe.optimizer, "loss": "categorical cross-entropy"}
    if recipe.optimizer == "sgd":
        rows["momentum"] = f"{recipe.momentum:g}"
    if recipe.optimizer != "adam":
        rows["weight decay"] = f"{recipe.weight_decay:g}"
    rows["learning rate"] = f"{recipe.learning_rate:g}, {recipe.schedule}"
    if recipe.schedule == "cosine" and recipe.warmup_epochs:
        rows["warm-up"] = count(recipe.warmup_epochs, "epoch")
    rows |= {"batch size": str(recipe.batch_size), "epochs": str(recipe.epochs)}
    if recipe.strategy == "two_phases":
        rows |= {
            "of these, head only": str(recipe.head_epochs),
            "stages trained then": str(recipe.unfrozen),
            "their learning rate": f"{recipe.fine_learning_rate:g}",
        }
    if recipe.trained_stages:
        rows["precision"] = recipe.precision
    if recipe.patience is not None:
        rows["stops early"] = f"after {count(recipe.patience, 'epoch')} without a better one"
    return rows | {
        "rare classes count more": _yes(recipe.class_weights),
        "label smoothing": f"{recipe.label_smoothing:g}",
        "mixup": f"{recipe.mixup:g}",
    }


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
