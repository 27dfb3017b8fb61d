"""Ten epochs of a head on features that are there, beside a plain Keras loop over the photos."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.bench.measuring import Figure, OnStep, Report, call_in_child, describe_machine
from core.bench.preparing import Subject, prepare_subject
from core.runs.preparing import prepare_features
from core.runs.recipe import Recipe
from core.runs.store import Phase
from core.workspace import Workspace
from models.backbone import Preprocessing
from models.devices import find_device
from models.weights import WeightsKind


@dataclass
class _Timing:
    """Seconds; the best validation accuracy says that something was learnt."""

    warm_up: float
    first_epoch: float
    all_epochs: float
    best_val_accuracy: float | None


class _Quiet:
    def begin_phase(self, phase: Phase) -> None: ...

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None: ...


def measure_training(
    workspace: Workspace,
    dataset_id: str,
    *,
    weights_kind: WeightsKind,
    preprocessing: Preprocessing,
    keras_photos: int,
    on_step: OnStep,
) -> Report:
    """Returns the seconds that the default recipe takes in a warm process."""
    machine = describe_machine()
    subject = prepare_subject(workspace, dataset_id, weights_kind, preprocessing, on_step)
    dataset = subject.dataset
    on_step("Features of the dataset (kept)")
    features = _prepare_features(workspace, subject)
    recipe = Recipe(dataset=dataset.id, weights=weights_kind, weights_digest=subject.weights.digest)
    on_step(f"Our head, {recipe.epochs} epochs")
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        timing = _measure_ours(subject, features, recipe, Path(folder))
    n = len(dataset.photo_numbers("train"))
    mixed = np.random.default_rng(0).permutation(dataset.photo_numbers("train"))
    few = np.sort(mixed[:keras_photos])
    photos, labels = np.array(dataset.photos[few]), dataset.labels[few]
    on_step(f"Our backbone on {len(few):,} photos")
    extraction = _time_extraction(subject, photos) * len(dataset)
    on_step("Plain Keras, frozen backbone with augmentation")
    arguments = (photos, labels, len(dataset.classes), subject.weights.file)
    keras = call_in_child("core.bench.plain_keras", "measure_fit", *arguments) * n * recipe.epochs
    return Report(
        title=f"{recipe.epochs} epochs on {n:,} training photos of {dataset.name}",
        figures=_figures(timing, extraction, keras, len(few)),
        circumstances={**machine, **subject.circumstances, "batch": recipe.batch_size},
    )


def _prepare_features(workspace: Workspace, subject: Subject) -> np.ndarray:
    """Returns the features of all photos; they are kept, as those of a run are."""
    return prepare_features(
        workspace,
        subject.dataset,
        subject.weights,
        subject.backbone.facts.preprocessing,
        device=find_device(),
        listener=_Quiet(),
        should_stop=lambda: False,
    ).values


def _measure_ours(
    subject: Subject, features: np.ndarray, recipe: Recipe, checkpoints: Path
) -> _Timing:
    begin = time.perf_counter()
    from models.fitting import EpochResult, fit_head, warm_up

    warm_up()
    start = time.perf_counter()
    ends: list[float] = []

    def note_time(_epoch: EpochResult, _best: EpochResult) -> None:
        ends.append(time.perf_counter() - start)

    dataset = subject.dataset
    train, validation = dataset.photo_numbers("train"), dataset.photo_numbers("validation")
    fit = fit_head(
        train=(features[train], dataset.labels[train]),
        validation=(features[validation], dataset.labels[validation]),
        n_classes=len(dataset.classes),
        hidden=recipe.hidden,
        dropout=recipe.dropout,
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        seed=recipe.seed,
        standardise=recipe.standardise,
        checkpoint_folder=checkpoints,
        on_epoch=note_time,
        should_stop=lambda: False,
    )
    seconds = time.perf_counter() - start
    best = fit.history[fit.best_epoch - 1].val_accuracy
    return _Timing(start - begin, ends[0], seconds, best)


def _time_extraction(subject: Subject, photos: np.ndarray) -> float:
    """Returns the seconds a photo that our backbone takes, from memory."""
    size = subject.backbone.batch_size
    batches = [photos[start : start + size] for start in range(0, len(photos), size)]
    start = time.perf_counter()
    for _ in subject.backbone.stream(batches):
        pass
    return (time.perf_counter() - start) / len(photos)


def _figures(timing: _Timing, extraction: float, keras: float, few: int) -> list[Figure]:
    best = timing.best_val_accuracy
    learnt = "" if best is None else f", best validation accuracy {100 * best:.1f} %"
    fresh = timing.all_epochs + extraction
    return [
        Figure(
            name="ours, to the end of the first epoch",
            value=timing.first_epoch,
            unit="s",
            note="features cached, Keras warm",
        ),
        Figure(
            name="ours, all epochs",
            value=timing.all_epochs,
            unit="s",
            note=f"features cached{learnt}",
        ),
        Figure(
            name="ours, features and all epochs",
            value=fresh,
            unit="s",
            note=f"features extrapolated from {few:,} photos",
        ),
        Figure(
            name="plain Keras fit, all epochs",
            value=keras,
            unit="s",
            our_speed=keras / timing.all_epochs,
            note=f"extrapolated from one epoch of {few:,} photos, without validation; "
            f"with features to compute ours is {keras / fresh:.1f} × as fast",
        ),
        Figure(
            name="importing Keras and warming up",
            value=timing.warm_up,
            unit="s",
            note="before the click: the worker is kept warm",
        ),
    ]
