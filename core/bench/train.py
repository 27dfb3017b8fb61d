"""The recipe that tutorials use beside ours: the same photos, head and number of views.

Theirs runs the frozen backbone in full in each epoch, through Keras' own augmentation. Ours are
runs of the program, whole, in a workspace that is thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.bench.measuring import Figure, OnStep, Report, call_in_child, describe_machine
from core.bench.preparing import Subject, prepare_subject
from core.bench.subset import open_scratch
from core.bench.timings import PlainRun, TimedRun
from core.runs.recipe.recipe import Precision, Recipe
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import PRESETS
from models.backbone import Preprocessing, offered_precisions
from models.weights import WeightsKind

_FEW_VIEWS = 4


@dataclass(frozen=True, kw_only=True)
class _Heads:
    """Ours with as many views as epochs, then another head; the same with fewer; theirs."""

    warm_up: float
    first: TimedRun
    another: TimedRun
    few_views: TimedRun
    no_views: TimedRun
    """Without augmentation."""
    plain: PlainRun


@dataclass(frozen=True, kw_only=True)
class _Stages:
    """The last stage from kept activations, by precision, and the plain way in photos/s."""

    ours: dict[Precision, TimedRun]
    plain: float


def measure_training(
    workspace: Workspace,
    dataset_id: str,
    *,
    weights_kind: WeightsKind,
    preprocessing: Preprocessing,
    photos: int,
    epochs: int,
    on_step: OnStep,
) -> Report:
    """Returns seconds and test accuracy of both ways, all of them measured, nothing extrapolated.

    Args:
        photos: Of the dataset, drawn by chance; all of them where it has fewer.
        epochs: Of each head.
    """
    machine = describe_machine()
    subject = prepare_subject(workspace, dataset_id, weights_kind, preprocessing, on_step)
    with open_scratch(workspace, subject, photos) as (scratch, dataset):
        recipe = Recipe(
            dataset=dataset.id,
            weights=weights_kind,
            weights_digest=subject.weights.digest,
            preprocessing=preprocessing,
            augmentation=PRESETS["gentle"],
            views=epochs,
            standardise=False,
            epochs=epochs,
        )
        heads = _measure_heads(scratch, dataset, subject, recipe, on_step)
        stages = _measure_last_stage(scratch, dataset, subject, recipe, on_step)
        n = len(dataset.photo_numbers("train"))
        title = f"{epochs} epochs on {n:,} training photos of {subject.dataset.name}"
    return Report(
        title=f"{title}, {len(dataset):,} photos in all",
        figures=[*_head_figures(heads, recipe), *_stage_figures(stages, n)],
        circumstances={**machine, **subject.circumstances, "batch": recipe.batch_size},
    )


def _measure_heads(
    scratch: Workspace, dataset: Dataset, subject: Subject, recipe: Recipe, on_step: OnStep
) -> _Heads:
    epochs = recipe.epochs
    on_step(f"Our head, {epochs} epochs on {epochs} views, then another head")
    another = replace(recipe, hidden=(256,), standardise=True)
    (first, other), warm_up = _train(scratch, [recipe, another], warm=True)
    on_step(f"Plain Keras, {epochs} epochs of the frozen backbone with augmentation")
    plain: PlainRun = call_in_child(
        "core.bench.plain_training",
        "train_head",
        dataset,
        subject.weights,
        epochs=epochs,
        batch_size=recipe.batch_size,
        dropout=recipe.dropout,
    )
    on_step(f"Our head from nothing, on {_FEW_VIEWS} views, then without augmentation")
    fewer = [
        replace(recipe, views=_FEW_VIEWS, seed=1),
        replace(recipe, augmentation=PRESETS["none"], seed=1),
    ]
    (few, none), _ = _train(scratch, fewer, warm=True, anew=True)
    return _Heads(
        warm_up=warm_up, first=first, another=other, few_views=few, no_views=none, plain=plain
    )


def _measure_last_stage(
    scratch: Workspace, dataset: Dataset, subject: Subject, recipe: Recipe, on_step: OnStep
) -> _Stages:
    precisions: list[Precision] = ["float32"]
    if offered_precisions()[0] == "bf16":
        precisions.append("mixed")
    tail = replace(recipe, strategy="last_stage", views=1, epochs=2, learning_rate=1e-4)
    on_step("Our last stage, 2 epochs from kept activations")
    recipes = [replace(tail, precision=precision) for precision in precisions]
    ours, _ = _train(scratch, recipes, warm=False)
    on_step("Plain Keras, last stage, 2 epochs")
    plain: float = call_in_child(
        "core.bench.plain_training",
        "measure_last_stage",
        dataset,
        subject.weights,
        batch_size=recipe.batch_size,
    )
    return _Stages(ours=dict(zip(precisions, ours, strict=True)), plain=plain)


def _train(
    scratch: Workspace, recipes: Sequence[Recipe], *, warm: bool, anew: bool = False
) -> tuple[list[TimedRun], float]:
    timed: tuple[list[TimedRun], float] = call_in_child(
        "core.bench.our_training", "train_runs", scratch, recipes, warm=warm, anew=anew
    )
    return timed


def _head_figures(heads: _Heads, recipe: Recipe) -> list[Figure]:
    plain, views = heads.plain, recipe.views

    def compare(name: str, run: TimedRun, note: str) -> Figure:
        return Figure(
            name=name,
            value=run.seconds,
            unit="s",
            our_speed=plain.seconds / run.seconds,
            note=f"{note}; test accuracy {100 * run.test_accuracy:.1f} %",
        )

    return [
        Figure(
            name="plain Keras, the first head",
            value=plain.seconds,
            unit="s",
            note=f"a new view each epoch; test accuracy {100 * plain.test_accuracy:.1f} %; "
            "another head takes as long again",
        ),
        compare("ours, the first head", heads.first, f"{views} views, extracted in it"),
        compare("ours, another head", heads.another, "views kept; 256 hidden units, standardised"),
        compare(
            f"ours, the first head on {_FEW_VIEWS} views",
            heads.few_views,
            "fewer views than plain Keras sees; extracted in it",
        ),
        compare(
            "ours, the first head without augmentation",
            heads.no_views,
            "the photos as they are, extracted in it",
        ),
        Figure(
            name="ours, another head, its first epoch",
            value=heads.another.first_epoch_s,
            unit="s",
            note="of its seconds above",
        ),
        Figure(
            name="importing Keras and warming up",
            value=heads.warm_up,
            unit="s",
            note="before the click: the worker is kept warm",
        ),
    ]


def _stage_figures(stages: _Stages, n: int) -> list[Figure]:
    ours = [
        Figure(
            name=f"ours, last stage, an epoch in {precision}",
            value=n / run.photos_per_second,
            unit="s",
            our_speed=run.photos_per_second / stages.plain,
            note=f"{run.photos_per_second:.0f} photos/s from activations; with their extraction, "
            f"validation and new features of all photos 2 epochs took {run.seconds:.0f} s",
        )
        for precision, run in stages.ours.items()
    ]
    plain = Figure(
        name="plain Keras, last stage, an epoch",
        value=n / stages.plain,
        unit="s",
        note=f"{stages.plain:.0f} photos/s, the second of two epochs, without validation",
    )
    return [plain, *ours]
