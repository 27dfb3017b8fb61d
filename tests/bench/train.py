"""The recipe that tutorials use beside ours: the same photos, head and number of views.

Theirs runs the frozen backbone in full in each epoch, through Keras' own augmentation. Ours are
runs of the program, whole, in a workspace that is thrown away.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.runs.database import close_databases
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Precision, Recipe
from core.runs.result import read_result
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import PRESETS
from models.backbone import Preprocessing, offered_precisions
from models.weights import WeightsKind
from tests.bench.measuring import Figure, Report, call_in_child, say, time_call
from tests.bench.subject import Subject, open_scratch, prepare_subject

_FEW_VIEWS = 4


@dataclass(frozen=True)
class TimedRun:
    """A run that was trained, from the start in a process that waits for it to its result."""

    seconds: float
    """Extraction of what was not kept, epochs with validation, scores of all photos, result."""
    test_accuracy: float
    history: list[dict[str, Any]]

    @property
    def photos_per_second(self) -> float:
        """Training photos in the fastest epoch; the first ones compile."""
        return max(float(epoch["photos_per_second"]) for epoch in self.history)


@dataclass(frozen=True)
class _Trial:
    """What both ways train on."""

    scratch: Workspace
    dataset: Dataset
    subject: Subject
    recipe: Recipe


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    weights: WeightsKind = "pretrained",
    preprocessing: Preprocessing = "resnet",
    photos: int = 600,
    epochs: int = 10,
) -> Report:
    """Measure seconds and test accuracy of both ways; nothing is extrapolated.

    Args:
        workspace: Holds the dataset.
        dataset: Which one.
        weights: Of the backbone.
        preprocessing: Of the backbone.
        photos: Of the dataset, drawn by chance; all of them where it has fewer.
        epochs: Of each head.
    """
    subject = prepare_subject(workspace, dataset, weights, preprocessing)
    with open_scratch(workspace, subject, photos) as (scratch, subset):
        recipe = Recipe(
            dataset=subset.id,
            weights=weights,
            weights_digest=subject.weights.digest,
            preprocessing=preprocessing,
            augmentation=PRESETS["gentle"],
            views=epochs,
            standardise=False,
            epochs=epochs,
        )
        trial = _Trial(scratch, subset, subject, recipe)
        figures = [*_measure_heads(trial), *_measure_last_stage(trial)]
        n = len(subset.photo_numbers("train"))
        title = f"{epochs} epochs on {n:,} training photos of {subject.dataset.name}"
    return Report(
        f"{title}, {len(subset):,} photos in all",
        figures,
        {**subject.circumstances, "batch": recipe.batch_size},
    )


def _measure_heads(trial: _Trial) -> list[Figure]:
    """Train ours on as many views as epochs, then another head; theirs; ours on fewer views."""
    recipe = trial.recipe
    say(f"Our head, {recipe.epochs} epochs on {recipe.epochs} views, then another head")
    another = replace(recipe, hidden=(256,), standardise=True)
    (first, other), warm_up = _train(trial, [recipe, another], warm=True)
    say(f"Plain Keras, {recipe.epochs} epochs of the frozen backbone with augmentation")
    data = (trial.dataset, trial.subject.weights)
    settings = {name: getattr(recipe, name) for name in ("epochs", "batch_size", "dropout")}
    plain_s, plain_accuracy = call_in_child(
        "tests.bench.plain_keras", "train_head", *data, **settings
    )
    say(f"Our head from nothing, on {_FEW_VIEWS} views, then without augmentation")
    few_views = replace(recipe, views=_FEW_VIEWS, seed=1)
    no_views = replace(recipe, augmentation=PRESETS["none"], seed=1)
    (few, none), _ = _train(trial, [few_views, no_views], warm=True, anew=True)

    def compare(name: str, run: TimedRun, note: str) -> Figure:
        note = f"{note}; test accuracy {100 * run.test_accuracy:.1f} %"
        return Figure(name, run.seconds, "s", plain_s / run.seconds, note)

    return [
        Figure(
            "plain Keras, the first head",
            plain_s,
            "s",
            note=f"a new view each epoch; test accuracy {100 * plain_accuracy:.1f} %; "
            "another head takes as long again",
        ),
        compare("ours, the first head", first, f"{recipe.views} views, extracted in it"),
        compare("ours, another head", other, "views kept; 256 hidden units, standardised"),
        compare(
            f"ours, the first head on {_FEW_VIEWS} views",
            few,
            "fewer views than plain Keras sees; extracted in it",
        ),
        compare(
            "ours, the first head without augmentation",
            none,
            "the photos as they are, extracted in it",
        ),
        Figure(
            "ours, another head, its first epoch",
            float(other.history[0]["seconds"]),
            "s",
            note="of its seconds above",
        ),
        Figure(
            "importing Keras and warming up",
            warm_up,
            "s",
            note="before the click: the worker is kept warm",
        ),
    ]


def _measure_last_stage(trial: _Trial) -> list[Figure]:
    """Train the last stage from kept activations, in each precision, and the plain way."""
    precisions: list[Precision] = ["float32"]
    if offered_precisions()[0] == "bf16":
        precisions.append("mixed")
    tail = replace(trial.recipe, strategy="last_stage", views=1, epochs=2, learning_rate=1e-4)
    say("Our last stage, 2 epochs from kept activations")
    ours, _ = _train(trial, [replace(tail, precision=one) for one in precisions], warm=False)
    say("Plain Keras, last stage, 2 epochs")
    data = (trial.dataset, trial.subject.weights)
    plain: float = call_in_child(
        "tests.bench.plain_keras", "measure_last_stage", *data, batch_size=tail.batch_size
    )
    n = len(trial.dataset.photo_numbers("train"))
    return [
        Figure(
            "plain Keras, last stage, an epoch",
            n / plain,
            "s",
            note=f"{plain:.0f} photos/s, the second of two epochs, without validation",
        ),
        *(
            Figure(
                f"ours, last stage, an epoch in {precision}",
                n / run.photos_per_second,
                "s",
                run.photos_per_second / plain,
                f"{run.photos_per_second:.0f} photos/s from activations; with their extraction, "
                f"validation and new features of all photos 2 epochs took {run.seconds:.0f} s",
            )
            for precision, run in zip(precisions, ours, strict=True)
        ),
    ]


def _train(
    trial: _Trial, recipes: Sequence[Recipe], *, warm: bool, anew: bool = False
) -> tuple[list[TimedRun], float]:
    timed: tuple[list[TimedRun], float] = call_in_child(
        __name__, "train_runs", trial.scratch, recipes, warm=warm, anew=anew
    )
    return timed


def train_runs(
    workspace: Workspace, recipes: Sequence[Recipe], *, warm: bool, anew: bool
) -> tuple[list[TimedRun], float]:
    """Train runs as the program does, in a process of their own; what one extracts the next finds.

    Args:
        workspace: Where they are trained.
        recipes: Of the runs.
        warm: As a worker that waits: Keras is imported beforehand, and the seconds of that are the
            second answer. Stages are trained by a process that was just started.
        anew: Whether each run starts without anything that was extracted before.
    """
    from core.runs.training.executing import execute_run

    seconds = 0.0
    if warm:  # imports Keras, which has to come later for stages (models/__init__.py)
        from models.fitting import warm_up

        seconds = time_call(warm_up)
    timed = []
    for recipe in recipes:
        if anew:
            shutil.rmtree(workspace.features)
            workspace.features.mkdir()
        timed.append(_time_run(workspace, recipe, execute_run))
    close_databases()
    return timed, seconds


def _time_run(workspace: Workspace, recipe: Recipe, execute: Any) -> TimedRun:
    ids = []

    def run() -> None:
        ids.append(submit_run(workspace, recipe)[0].id)
        execute(workspace, ids[0])

    seconds = time_call(run)
    result = read_result(workspace, ids[0])  # its error says what is wrong where there is none
    test = result.splits == "test"
    right = result.scores[test].argmax(axis=1) == result.labels[test]
    return TimedRun(seconds, float(np.mean(right)) if test.any() else float("nan"), result.history)
