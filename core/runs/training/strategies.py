"""The strategies: from the photos of a dataset to a trained head or a fine-tuned network.

Each gives the curve, the head of the best epoch, and the features of all photos by the backbone of
that epoch: the frozen one, or a fine-tuned one, which is stored among the backbones.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.cluster import Fit, train
from core.config import read_settings
from core.errors import RecipeRefused, RunStopped
from core.exact.formula import measure_head, solve_head, write_ridge
from core.runs.queue.run_lock import Attempt
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.run_files import CHECKPOINT_FOLDER
from core.runs.training.preparing import (
    Features,
    Preparation,
    find_recipe_weights,
    prepare_features,
    prepare_photos,
)
from core.runs.training.views import PhotoSource, ViewRequest, prepare_views
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models import prefer_convolutions
from models.backbone import ADD_AGAIN, HEAD_FILE
from models.dense import DenseHead, read_head, select_outputs
from models.extraction import Photos
from models.plan import (
    CHECKPOINT_FILE,
    FitPlan,
    FitRecord,
    FitResult,
    FitWatch,
    HeadShape,
    KeptViews,
    Source,
)
from models.rows import Rows, ViewKind, take_rows
from models.weights import TUNED, Weights, describe_weights

if TYPE_CHECKING:
    from models.fitting import Features as KeptFeatures
    from models.fitting import HeadFit
    from models.stages import StagesFit, Tuning

_SHARED = SETTINGS.keys() & {one.name for one in fields(FitPlan)}
"""Fields of a recipe that are fields of a plan, too."""
WEIGHTS_FILE = "weights.h5"


Trained = tuple[FitResult, Features]
"""The result of a strategy; the features are of the backbone of the best epoch."""


class TrialFit(NamedTuple):
    """The training of a trial of a sweep."""

    recipe: Recipe
    part: str
    """The folder of its checkpoints inside the folder of the run."""
    watch: FitWatch


class Training:
    """The training of one attempt at a run, by the recipe's strategy."""

    def __init__(
        self, attempt: Attempt, dataset: Dataset, splits: np.ndarray, trial: TrialFit | None = None
    ) -> None:
        """Prepare the run, or a trial of a sweep, which stores no backbone."""
        self._attempt, self._dataset, self._trial = attempt, dataset, trial
        self.recipe = trial.recipe if trial else attempt.run.recipe
        self._folder = attempt.folder / trial.part if trial else attempt.folder
        self._checkpoints = self._folder / CHECKPOINT_FOLDER
        self._begun = attempt.run.epochs_done > 0 and not trial
        self._preparation = Preparation(
            workspace=attempt.workspace, tell=attempt.tell, should_stop=attempt.should_stop
        )
        if self.recipe.trained_stages:
            prefer_convolutions()
        self.weights = find_recipe_weights(attempt.workspace, self.recipe)
        self.train = np.flatnonzero(splits == "train")
        self.validation = np.flatnonzero(splits == "validation")

    def run(self) -> Trained:
        """Return the result of the recipe's strategy.

        Raises:
            RunStopped: It was stopped before its first epoch, or paused.
        """
        frozen = self.read_features(self.weights)
        if not self.recipe.has_epochs:
            return self._solve_head(frozen)
        if not self.recipe.epochs_of_head:
            return self._fit_stages(frozen, None)
        first = self._fit_head(frozen)
        if not self.recipe.trained_stages:
            return first, frozen
        only_head = replace(first, stopped=True), frozen
        stages = self._checkpoints / "stages" / CHECKPOINT_FILE
        if first.stopped or (self._attempt.request() and not stages.exists()):
            return only_head
        try:
            return self._fit_stages(frozen, first)
        except RunStopped:
            if self._attempt.request() == "pause":
                raise
            return only_head  # stopped before the first epoch of the second phase

    def split_features(self, frozen: Features) -> "tuple[KeptFeatures, KeptFeatures]":
        """Return the training and validation features of a head."""
        labels = self._dataset.labels
        views = self._read_views("pooled", self.train, self.recipe.augmentation)
        kept = take_rows(frozen.values, self.validation)
        return (views, labels[self.train]), ([kept], labels[self.validation])

    def read_features(self, weights: Weights, *, always: bool = False) -> Features:
        """Return the features of all photos by these weights; `always`: even after a stop."""
        by, recipe = self._preparation, self.recipe
        if always:
            by = replace(by, should_stop=lambda: False)
        return prepare_features(by, self._dataset, weights, recipe.preprocessing, recipe.seen_as)

    def begin(self) -> None:
        """Begin the phase of training."""
        device = self._preparation.device.name
        self._attempt.begin_phase("training", device=device, val_photos=len(self.validation))

    @property
    def _watch(self) -> FitWatch:
        if self._trial is not None:
            return self._trial.watch
        return FitWatch(
            on_epoch=lambda epoch, best: self._attempt.tell_epoch(asdict(epoch), asdict(best)),
            should_stop=self._attempt.should_stop,
            should_end=lambda: self._attempt.request() == "stop_after_epoch",
        )

    def _fit_head(self, frozen: Features) -> FitResult:
        from models.fitting import fit_head

        photos, n_classes = self.split_features(frozen), len(self._dataset.classes)
        self.begin()
        job = describe_head(self.recipe, photos, n_classes)
        job = replace(job, plain=take_rows(frozen.values, self.train))
        self._train_on_cluster(partial(_go_on_with_head, job), "head", self._watch)
        fit = fit_head(job, self._checkpoints / "head", self._watch)
        self._check_pause()
        return fit

    def _solve_head(self, frozen: Features) -> Trained:
        """Return the exact head, or the head of an added model, reported as the only epoch."""
        self.begin()
        if self._attempt.should_stop():
            raise RunStopped("The run was stopped.", "Start it again: it takes seconds.")
        since, labels = time.perf_counter(), self._dataset.labels
        parts = self.train, self.validation
        train, validation = ((take_rows(frozen.values, one), labels[one]) for one in parts)
        if self.recipe.is_added:
            head = self._read_head(frozen.backbone_id)
        else:
            head, choice = solve_head(frozen.values, labels, self.train, len(self._dataset.classes))
            write_ridge(self._folder, choice)
        epoch = measure_head(head, train, validation, since)
        self._watch.on_epoch(epoch, epoch)
        self._check_pause()
        fit = FitResult(history=[epoch], best_epoch=1, head=head, epochs_done=1, stopped=False)
        return fit, frozen

    def _read_head(self, backbone: str) -> DenseHead:
        """Return the head of an added model for the classes of the dataset."""
        folder, outputs = self._preparation.workspace.backbone_folder(backbone), self.recipe.outputs
        head = read_head(folder / HEAD_FILE)
        if len(outputs) != len(self._dataset.classes) or max(outputs) >= len(head.biases[-1]):
            problem = "The outputs of the added model do not match the classes of the dataset."
            raise RecipeRefused(problem, ADD_AGAIN, field="outputs")
        return select_outputs(head, outputs)

    def _fit_stages(self, frozen: Features, first: FitResult | None) -> Trained:
        from models.stages import StagesFit, Tuning

        before, n_classes = first.history if first else [], len(self._dataset.classes)
        train, validation, kind = self._read_sources()
        attempt, recipe = self._attempt, self.recipe
        half = self._preparation.device.half if recipe.precision == "mixed" else ""
        rate = recipe.fine_learning_rate if recipe.starts_with_head else recipe.learning_rate
        self.begin()
        rows = take_rows(frozen.values, self.train)
        tuning = Tuning(
            weights=self.weights,
            preprocessing=recipe.preprocessing,
            unfrozen=recipe.trained_stages,
            whole=kind is None,
            half=half,
            exact=recipe.computing == "exact",
            shape=HeadShape(n_classes=n_classes, hidden=recipe.hidden, dropout=recipe.dropout),
            plan=_plan(recipe, recipe.epochs - len(before), rate),
            standardise_by=rows if recipe.standardise else None,
            start=first.head if first else None,
        )
        record = FitRecord(
            folder=self._checkpoints / "stages",
            subject=describe_stages(recipe, kind, half),
            before=before,
        )
        watch = self._watch if self._trial else replace(self._watch, on_step=attempt.tell_step)
        work = partial(_go_on_with_stages, tuning, train, validation, record)
        self._train_on_cluster(work, "stages", watch)
        fit = StagesFit(tuning)
        result = fit.run(train, validation, record, watch)
        self._check_pause()
        if self._trial:
            return result, frozen
        if first and result.best_epoch <= len(before):  # training the stages never helped
            return replace(result, head=first.head), frozen
        return result, self._keep_backbone(fit)

    def _train_on_cluster(self, fit: Fit, name: str, watch: FitWatch) -> None:
        """Continue a fit on the cluster, if any; trials of a sweep stay here."""
        if read_settings().ray_address and self._trial is None:

            def begin(device: str) -> None:
                self._attempt.begin_phase("training", device=f"{device}, by Ray")

            train(fit, self.weights, self._checkpoints / name, watch, begin)

    def _keep_backbone(self, fit: "StagesFit") -> Features:
        """Store the fine-tuned backbone and return its features of all photos."""
        self._attempt.begin_phase("backbone")
        file = self._folder / WEIGHTS_FILE
        fit.write_weights(file)
        weights = describe_weights(file, "this run", TUNED, self.weights.name)
        return self.read_features(weights, always=True)

    def _read_sources(self) -> tuple[Source, Source, ViewKind | None]:
        """Return the training and validation sources of stages, and the kind of activations."""
        policy, labels = self.recipe.augmentation, self._dataset.labels
        if self.recipe.trained_stages == 1:
            read = partial(self._read_views, "conv4")
            train = KeptViews(read(self.train, policy), labels[self.train])
            kept = KeptViews(read(self.validation, AugmentationPolicy()), labels[self.validation])
            return train, kept, "conv4"
        file = prepare_photos(self._preparation, self._dataset, self.recipe.seen_as)

        def open_source(numbers: np.ndarray, own: AugmentationPolicy) -> PhotoSource:
            photos = Photos(file, numbers, threads=self._preparation.device.cores)
            return PhotoSource(self._dataset, photos, own, seed=self.recipe.seed)

        judged = open_source(self.validation, AugmentationPolicy())
        return open_source(self.train, policy), judged, None

    def _read_views(
        self, kind: ViewKind, photos: np.ndarray, policy: AugmentationPolicy
    ) -> Sequence[Rows]:
        wanted = ViewRequest(
            dataset=self._dataset,
            photos=photos,
            kind=kind,
            weights=self.weights,
            recipe=self.recipe,
            policy=policy,
        )
        return prepare_views(replace(self._preparation, should_stop=self._stops_reading), wanted)

    def _stops_reading(self) -> bool:
        """Return whether to stop computing views: not for a stop that has epochs to store."""
        asked = self._attempt.request()
        return asked == "pause" or (asked == "stop" and not self._begun)

    def _check_pause(self) -> None:
        """End a run that was asked to pause; its checkpoint stays."""
        if self._attempt.request() == "pause":
            raise RunStopped("The run was paused.", "Resume it to continue.")


def _go_on_with_head(job: "HeadFit", folder: Path, watch: FitWatch, _: Weights) -> None:
    from models.fitting import fit_head

    fit_head(job, folder, watch)


def _go_on_with_stages(
    tuning: "Tuning", train: Source, validation: Source, record: FitRecord, *here: Any
) -> None:
    from models.stages import StagesFit

    folder, watch, weights = here
    fit = StagesFit(replace(tuning, weights=weights))
    fit.run(train, validation, replace(record, folder=folder), watch)


def describe_head(
    recipe: Recipe, photos: "tuple[KeptFeatures, KeptFeatures]", n_classes: int
) -> "HeadFit":
    """Return the fit of the recipe's head on the features of `split_features`."""
    from models.fitting import HeadFit

    return HeadFit(
        train=photos[0],
        validation=photos[1],
        shape=HeadShape(n_classes=n_classes, hidden=recipe.hidden, dropout=recipe.dropout),
        plan=_plan(recipe, recipe.epochs_of_head, recipe.learning_rate),
        standardise=recipe.standardise,
    )


def describe_stages(recipe: Recipe, kind: str | None, half: str = "") -> dict[str, object]:
    """Return everything but the plan that decides the fit of stages."""
    # Newer facts are left out at their default: older checkpoints stay valid.
    later = {"computing": recipe.computing, "half": half}
    usual = {"computing": "exact", "half": ""}
    usual |= {"half": "bfloat16"} if recipe.precision == "mixed" else {}
    return {name: value for name, value in later.items() if value != usual[name]} | {
        **recipe.seen_as.describe(),
        "dataset": recipe.dataset,
        "split_seed": recipe.split_seed,
        "weights": recipe.weights_digest,
        "version": 2,  # 1 began the second phase with another scaling than the first
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
