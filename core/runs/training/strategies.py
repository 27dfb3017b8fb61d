"""The strategies: what is trained on what, from the photos of a dataset to a tuned network.

Each gives the curve, the head of the best epoch, and the features of all photos by the backbone of
that epoch: the frozen one, or the run's own, which is then kept among the backbones.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.cluster import Fit, train
from core.config import read_settings
from core.errors import RunStopped
from core.exact.formula import measure_head, solve_head, write_ridge
from core.runs.recipe.recipe import SETTINGS, Recipe
from core.runs.training.preparing import (
    Features,
    Preparation,
    find_recipe_weights,
    prepare_features,
    prepare_photos,
)
from core.runs.training.reporting import Attempt
from core.runs.training.views import PhotoSource, prepare_views, request_views
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models import prefer_convolutions
from models.devices import find_device
from models.extraction import Photos
from models.keeping import ViewKind
from models.plan import EpochResult, FitPlan, FitRecord, FitWatch, HeadShape
from models.rows import Rows, take_rows
from models.weights import TUNED, Weights, describe_weights

if TYPE_CHECKING:
    from models.fitting import Features as KeptFeatures
    from models.fitting import FitResult, HeadFit
    from models.plan import Source
    from models.stages import StagesFit, Tuning

_SHARED = SETTINGS.keys() & {one.name for one in fields(FitPlan)}
"""Fields of a recipe that a plan has, too."""
CHECKPOINT_FOLDER = "checkpoint"
WEIGHTS_FILE = "weights.h5"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a strategy leaves."""

    fit: "FitResult"
    features: Features
    """Of all photos, by the backbone of the best epoch."""


class Training:
    """Everything a strategy needs of one attempt at a run."""

    def __init__(
        self, attempt: Attempt, dataset: Dataset, splits: np.ndarray, trial: FitWatch | None = None
    ) -> None:
        """Prepare; `trial` is told of the epochs of a sweep's trial, which leaves no backbone."""
        self._trial = trial
        self.recipe, self._dataset = attempt.run.recipe, dataset
        self._lock, self._report = attempt.lock, attempt.report
        self._folder = attempt.folder
        self._checkpoints = self._folder / CHECKPOINT_FOLDER
        self._begun = attempt.run.epochs_done > 0
        self._preparation = Preparation(
            workspace=attempt.workspace,
            device=find_device(),
            listener=attempt.report,
            should_stop=attempt.lock.should_stop,
        )
        if self.recipe.trained_stages:
            prefer_convolutions()
        self.weights = find_recipe_weights(attempt.workspace, self.recipe)
        self.train = np.flatnonzero(splits == "train")
        self.validation = np.flatnonzero(splits == "validation")

    def run(self) -> Trained:
        """Return what the recipe's strategy leaves.

        Raises:
            RunStopped: A person ended it before there was anything to keep.
        """
        from models.fit_state import find_checkpoint

        frozen = self.read_features(self.weights)
        if not self.recipe.has_epochs:
            return self._solve_head(frozen)
        if not self.recipe.epochs_of_head:
            return self._fit_stages(frozen, None)
        first = self._fit_head(frozen)
        if not self.recipe.trained_stages:
            return Trained(fit=first, features=frozen)
        only_head = Trained(fit=replace(first, stopped=True), features=frozen)
        stages = find_checkpoint(self._checkpoints / "stages")
        if first.stopped or (self._lock.request() and not stages.exists()):
            return only_head
        try:
            return self._fit_stages(frozen, first)
        except RunStopped:
            if self._lock.request() == "pause":
                raise
            return only_head  # stopped before the second phase had an epoch

    def split_features(self, frozen: Features) -> "tuple[KeptFeatures, KeptFeatures]":
        """Return the features that a head learns from, and those it is judged by."""
        labels = self._dataset.labels
        views = self._read_views("pooled", self.train, self.recipe.augmentation)
        kept = take_rows(frozen.values, self.validation)
        return (views, labels[self.train]), ([kept], labels[self.validation])

    def read_features(self, weights: Weights, *, always: bool = False) -> Features:
        """Return the features of all photos by these weights; `always`: also of a stopped run."""
        by = self._preparation
        if always:
            by = replace(by, should_stop=lambda: False)
        recipe = self.recipe
        return prepare_features(by, self._dataset, weights, recipe.preprocessing, recipe.seen_as)

    def begin(self) -> None:
        """Say that the run trains from here on."""
        device = self._preparation.device.name
        self._report.begin_phase("training", device=device, val_photos=len(self.validation))

    @property
    def _watch(self) -> FitWatch:
        if self._trial is not None:
            return self._trial
        return FitWatch(
            on_epoch=self._tell,
            should_stop=self._lock.should_stop,
            should_end=lambda: self._lock.request() == "stop_after_epoch",
        )

    def _fit_head(self, frozen: Features) -> "FitResult":
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
        """Return the head that a formula gives: one step, told as the only epoch."""
        from models.fitting import FitResult

        self.begin()
        if self._lock.should_stop():
            raise RunStopped("The run was stopped.", "Start it again: it takes seconds.")
        since, labels = time.perf_counter(), self._dataset.labels
        parts = self.train, self.validation
        train, validation = ((take_rows(frozen.values, one), labels[one]) for one in parts)
        head, choice = solve_head(frozen.values, labels, self.train, len(self._dataset.classes))
        write_ridge(self._folder, choice)
        epoch = measure_head(head, train, validation, since)
        self._watch.on_epoch(epoch, epoch)
        self._check_pause()
        fit = FitResult(history=[epoch], best_epoch=1, head=head, epochs_done=1, stopped=False)
        return Trained(fit=fit, features=frozen)

    def _fit_stages(self, frozen: Features, first: "FitResult | None") -> Trained:
        from models.stages import StagesFit, Tuning

        before = first.history if first else []
        train, validation, kind = self._read_sources()
        half = self._preparation.device.half if self.recipe.precision == "mixed" else ""
        self.begin()
        rows = take_rows(frozen.values, self.train)
        tuning = Tuning(
            weights=self.weights,
            preprocessing=self.recipe.preprocessing,
            unfrozen=self.recipe.trained_stages,
            whole=kind is None,
            half=half,
            exact=self.recipe.computing == "exact",
            shape=shape_head(self.recipe, len(self._dataset.classes)),
            plan=plan_stages(self.recipe, len(before)),
            standardise_by=rows if self.recipe.standardise else None,
            start=first.head if first else None,
        )
        record = FitRecord(
            folder=self._checkpoints / "stages",
            subject=describe_stages(self.recipe, kind, half),
            before=before,
        )
        watch = self._trial or replace(self._watch, on_step=self._report.tell_step)
        work = partial(_go_on_with_stages, tuning, train, validation, record)
        self._train_on_cluster(work, "stages", watch)
        fit = StagesFit(tuning)
        result = fit.run(train, validation, record, watch)
        self._check_pause()
        if self._trial:
            return Trained(fit=result, features=frozen)
        if first and result.best_epoch <= len(before):  # no stage was ever worth its training
            return Trained(fit=replace(result, head=first.head), features=frozen)
        return Trained(fit=result, features=self._keep_backbone(fit))

    def _train_on_cluster(self, fit: Fit, name: str, watch: FitWatch) -> None:
        """Have a cluster go on with a fit, where there is one; trials of a sweep are small."""
        if read_settings().ray_address and self._trial is None:
            train(fit, self.weights, self._checkpoints / name, watch, self._begin_on)

    def _begin_on(self, device: str) -> None:
        self._report.begin_phase("training", device=f"{device}, by Ray")

    def _keep_backbone(self, fit: "StagesFit") -> Features:
        """Return the features of all photos by the tuned backbone, whose weights are kept."""
        self._report.begin_phase("backbone")
        file = self._folder / WEIGHTS_FILE
        fit.write_weights(file)
        weights = describe_weights(file, "this run", TUNED, self.weights.name)
        return self.read_features(weights, always=True)

    def _read_sources(self) -> "tuple[Source, Source, ViewKind | None]":
        """Return what stages are trained on and judged by, and the kind of activations, if any."""
        from models.plan import KeptViews

        policy, labels = self.recipe.augmentation, self._dataset.labels
        if self.recipe.trained_stages == 1:
            read = partial(self._read_views, "conv4")
            train = KeptViews(read(self.train, policy), labels[self.train])
            kept = KeptViews(read(self.validation, AugmentationPolicy()), labels[self.validation])
            return train, kept, "conv4"
        file = prepare_photos(self._preparation, self._dataset, self.recipe.seen_as)
        chosen = ((self.train, policy), (self.validation, AugmentationPolicy()))
        threads = self._preparation.device.cores
        learnt, judged = (
            PhotoSource(
                self._dataset, Photos(file, photos, threads=threads), own, seed=self.recipe.seed
            )
            for photos, own in chosen
        )
        return learnt, judged, None

    def _read_views(
        self, kind: ViewKind, photos: np.ndarray, policy: AugmentationPolicy
    ) -> Sequence[Rows]:
        wanted = request_views(self.recipe, self.weights, self._dataset)
        return prepare_views(
            replace(self._preparation, should_stop=self._stops_reading),
            replace(wanted, kind=kind, photos=photos, policy=policy),
        )

    def _stops_reading(self) -> bool:
        """Whether to end what is computed for training: not where there are epochs to keep."""
        return self._lock.should_stop() and (self._lock.request() == "pause" or not self._begun)

    def _tell(self, epoch: EpochResult, best: EpochResult) -> None:
        self._report.tell_epoch(asdict(epoch), asdict(best))

    def _check_pause(self) -> None:
        """End a run that is to pause; its checkpoint is kept."""
        if self._lock.request() == "pause":
            raise RunStopped("The run was paused.", "Resume it when you want it to go on.")


def _go_on_with_head(job: "HeadFit", folder: Path, watch: FitWatch, _: Weights) -> None:
    from models.fitting import fit_head

    fit_head(job, folder, watch)


def _go_on_with_stages(
    tuning: "Tuning", train: "Source", validation: "Source", record: FitRecord, *here: Any
) -> None:
    from models.stages import StagesFit

    folder, watch, weights = here
    fit = StagesFit(replace(tuning, weights=weights))
    fit.run(train, validation, replace(record, folder=folder), watch)


def plan_head(recipe: Recipe) -> FitPlan:
    """Return the plan of a head on features: of the whole run, or of the first of two phases."""
    return _plan(recipe, recipe.epochs_of_head, recipe.learning_rate)


def plan_stages(recipe: Recipe, epochs_before: int = 0) -> FitPlan:
    """Return the plan of the fit in which stages of the backbone are trained.

    Args:
        epochs_before: Epochs that the first of two phases took.
    """
    rate = recipe.fine_learning_rate if recipe.starts_with_head else recipe.learning_rate
    return _plan(recipe, recipe.epochs - epochs_before, rate)


def shape_head(recipe: Recipe, n_classes: int) -> HeadShape:
    """Return the head that the recipe asks for."""
    return HeadShape(n_classes=n_classes, hidden=recipe.hidden, dropout=recipe.dropout)


def describe_head(
    recipe: Recipe, photos: "tuple[KeptFeatures, KeptFeatures]", n_classes: int
) -> "HeadFit":
    """Return the head of the recipe, to be fitted on features as `split_features` gives them."""
    from models.fitting import HeadFit

    return HeadFit(
        train=photos[0],
        validation=photos[1],
        shape=shape_head(recipe, n_classes),
        plan=plan_head(recipe),
        standardise=recipe.standardise,
    )


def describe_stages(recipe: Recipe, kind: str | None, half: str = "") -> dict[str, object]:
    """Return all that decides the fit of stages beside its plan."""
    # These came later: a checkpoint of before goes on.
    later = {"computing": recipe.computing, "half": half}
    usual = {"computing": "exact", "half": ""}
    usual |= {"half": "bfloat16"} if recipe.precision == "mixed" else {}
    return {name: value for name, value in later.items() if value != usual[name]} | {
        **recipe.seen_as.describe(),
        "dataset": recipe.dataset,
        "split_seed": recipe.split_seed,
        "weights": recipe.weights_digest,
        "version": 2,  # 1 began the second phase with another spread than the first
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
