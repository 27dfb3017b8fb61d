"""The four strategies: what is trained on what, from the photos of a dataset to a tuned network.

Each gives the curve, the head of the best epoch, and the features of all photos by the backbone of
that epoch: the frozen one, or the run's own, which then stands among the backbones.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import RunStopped
from core.runs.queue.run_lock import Hold
from core.runs.recipe.fit_plans import describe_stages, plan_head, plan_stages, shape_head
from core.runs.store import RunRecord
from core.runs.training.photo_batches import PhotoSource
from core.runs.training.preparing import Features, find_recipe_weights, prepare_features
from core.runs.training.reporting import RunReport
from core.runs.training.views import prepare_views
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import check_photos
from data.policy import AugmentationPolicy
from models import prefer_convolutions
from models.checkpoint import find_checkpoint
from models.devices import Device
from models.keeping import ViewKind
from models.plan import EpochResult, FitRecord, FitWatch
from models.weights import Weights, describe_weights

if TYPE_CHECKING:
    from models.fitting import Features as KeptFeatures
    from models.fitting import FitResult
    from models.plan import Source
    from models.stages import StagesFit

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
        self,
        workspace: Workspace,
        run: RunRecord,
        dataset: Dataset,
        splits: np.ndarray,
        device: Device,
        report: RunReport,
        hold: Hold,
    ) -> None:
        self.recipe, self.folder = run.recipe, workspace.run_folder(run.id)
        self._workspace, self._dataset, self._splits = workspace, dataset, splits
        self._device, self._report, self._hold = device, report, hold
        self._begun = run.epochs_done > 0
        if self.recipe.trained_stages:
            prefer_convolutions()
        self.weights = find_recipe_weights(
            workspace, self.recipe.weights, self.recipe.weights_digest
        )
        self.train = np.flatnonzero(splits == "train")
        self.validation = np.flatnonzero(splits == "validation")

    def run(self) -> Trained:
        """Returns what the recipe's strategy leaves.

        Raises:
            RunStopped: A person ended it before there was anything to keep.
        """
        frozen = self.read_features(self.weights)
        if not self.recipe.epochs_of_head:
            return self._fit_stages(frozen, None)
        first = self._fit_head(frozen, "head")
        if not self.recipe.trained_stages:
            return Trained(fit=first, features=frozen)
        only_head = Trained(fit=replace(first, stopped=True), features=frozen)
        stages = find_checkpoint(self.folder / CHECKPOINT_FOLDER / "stages")
        if first.stopped or (self._hold.request() and not stages.exists()):
            return only_head
        try:
            return self._fit_stages(frozen, first)
        except RunStopped:
            if self._hold.request() == "pause":
                raise
            return only_head  # stopped before the second phase had an epoch

    def split_features(self, frozen: Features) -> "tuple[KeptFeatures, KeptFeatures]":
        """Returns the features that a head learns from, and those it is judged by."""
        labels = self._dataset.labels
        views = self._read_views("pooled", self.train, self.recipe.augmentation)
        kept = frozen.values[self.validation]
        return (views, labels[self.train]), ([kept], labels[self.validation])

    def read_features(self, weights: Weights, *, always: bool = False) -> Features:
        """Returns the features of all photos by these weights; `always`: also of a stopped run."""
        return prepare_features(
            self._workspace,
            self._dataset,
            weights,
            self.recipe.preprocessing,
            device=self._device,
            listener=self._report,
            should_stop=(lambda: False) if always else self._hold.should_stop,
        )

    def begin(self) -> None:
        """Returns nothing; from here on the run trains."""
        photos = len(self.validation)
        self._report.begin_phase("training", device=self._device.name, val_photos=photos)

    @property
    def _watch(self) -> FitWatch:
        return FitWatch(
            on_epoch=self._tell, should_stop=self._hold.should_stop, should_end=self._should_end
        )

    def _fit_head(self, frozen: Features, name: str) -> "FitResult":
        from models.fitting import HeadFit, fit_head

        train, validation = self.split_features(frozen)
        self.begin()
        job = HeadFit(
            train=train,
            validation=validation,
            shape=shape_head(self.recipe, len(self._dataset.classes)),
            plan=plan_head(self.recipe),
            standardise=self.recipe.standardise,
        )
        fit = fit_head(job, self.folder / CHECKPOINT_FOLDER / name, self._watch)
        self._report.note_speeds(fit.history, "head")
        self._check_pause()
        return fit

    def _fit_stages(self, frozen: Features, first: "FitResult | None") -> Trained:
        from models.stages import StagesFit, Tuning

        before = first.history if first else []
        train, validation, kind = self._read_sources()
        self.begin()
        tuning = Tuning(
            weights=self.weights,
            preprocessing=self.recipe.preprocessing,
            unfrozen=self.recipe.trained_stages,
            whole=kind is None,
            mixed=self.recipe.precision == "mixed",
            shape=shape_head(self.recipe, len(self._dataset.classes)),
            plan=plan_stages(self.recipe, len(before)),
            standardise_by=frozen.values[self.train] if self.recipe.standardise else None,
            start=first.head if first else None,
        )
        fit = StagesFit(tuning)
        record = FitRecord(
            folder=self.folder / CHECKPOINT_FOLDER / "stages",
            subject=describe_stages(self.recipe, kind),
            before=before,
        )
        watch = replace(self._watch, on_step=self._report.tell_step)
        result = fit.run(train, validation, record, watch)
        own = result.history[len(before) :]
        self._report.note_speeds(
            own, f"stages:{self.recipe.trained_stages}:{self.recipe.precision}"
        )
        self._check_pause()
        if first and result.best_epoch <= len(before):  # no stage was ever worth its training
            return Trained(fit=replace(result, head=first.head), features=frozen)
        return Trained(fit=result, features=self._keep_backbone(fit))

    def _keep_backbone(self, fit: "StagesFit") -> Features:
        """Returns the features of all photos by the tuned backbone, whose weights are kept."""
        self._report.begin_phase("backbone")
        file: Path = self.folder / WEIGHTS_FILE
        fit.write_weights(file)
        return self.read_features(describe_weights(file, "this run", "fine-tuned"), always=True)

    def _read_sources(self) -> "tuple[Source, Source, ViewKind | None]":
        """Returns what stages are trained on and judged by, and the kind of activations, if any."""
        from models.plan import KeptViews

        policy, labels = self.recipe.augmentation, self._dataset.labels
        if self.recipe.trained_stages == 1:
            read = partial(self._read_views, "conv4")
            train = KeptViews(read(self.train, policy), labels[self.train])
            kept = KeptViews(read(self.validation, AugmentationPolicy()), labels[self.validation])
            return train, kept, "conv4"
        check_photos(self._dataset)
        source: Callable[..., PhotoSource] = partial(
            PhotoSource, self._dataset, seed=self.recipe.seed, threads=self._device.cores
        )
        return source(self.train, policy), source(self.validation, AugmentationPolicy()), None

    def _read_views(
        self, kind: ViewKind, photos: np.ndarray, policy: AugmentationPolicy
    ) -> list[np.ndarray]:
        return prepare_views(
            self._workspace,
            self._dataset,
            photos,
            kind=kind,
            weights=self.weights,
            preprocessing=self.recipe.preprocessing,
            policy=policy,
            views=self.recipe.views,
            seed=self.recipe.seed,
            device=self._device,
            listener=self._report,
            should_stop=self._stops_reading,
        )

    def _stops_reading(self) -> bool:
        """A stop ends what is computed for training, unless there are epochs that must be kept."""
        return self._hold.should_stop() and (self._hold.request() == "pause" or not self._begun)

    def _tell(self, epoch: EpochResult, best: EpochResult) -> None:
        self._report.tell_epoch(asdict(epoch), asdict(best))

    def _should_end(self) -> bool:
        return self._hold.request() == "stop_after_epoch"

    def _check_pause(self) -> None:
        """Returns nothing; a run that is to pause ends here, its checkpoint stands."""
        if self._hold.request() == "pause":
            raise RunStopped("The run was paused.", "Resume it when you want it to go on.")
