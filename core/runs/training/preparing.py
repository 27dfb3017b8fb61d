"""Features of a dataset, from the store or made now: what a head learns from.

Weights → backbone (made when missing) → features (extracted when missing; an extraction that was
interrupted goes on). Features of the same photos in other datasets are copied: a version made by
edits is ready in a second. Keras is imported only when a backbone must be made or a GPU is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.errors import WeightsMissing
from core.runs.store import Phase
from core.runs.training.feature_store import find_donors
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import check_photos
from models.backbone import (
    Backbone,
    Precision,
    Preprocessing,
    backbone_exists,
    backbone_id,
    offered_precisions,
    open_backbone,
    read_backbone_facts,
)
from models.devices import Device
from models.extraction import (
    ExtractionProgress,
    copy_features,
    extract_features,
    features_id,
    read_features,
)
from models.weights import Weights, WeightsKind, find_weights


@dataclass(frozen=True, kw_only=True)
class Features:
    """The features of all photos of a dataset, (n, 2048) float32, and the ids they stand under."""

    backbone_id: str
    features_id: str
    values: np.ndarray


class Listener(Protocol):
    """Whoever is told how far the preparation is: the report of a run, or a command line."""

    def begin_phase(self, phase: Phase) -> None:
        """Told when a backbone or features have to be made."""

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        """Told how much of the phase is done; for photos with per_second and seconds_left."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Where and on what something is prepared, who hears of it, and whether it is to stop."""

    workspace: Workspace
    device: Device
    listener: Listener
    should_stop: Callable[[], bool] = lambda: False


def find_recipe_weights(workspace: Workspace, kind: WeightsKind, digest: str) -> Weights:
    """Return the weights that a recipe names.

    Raises:
        WeightsMissing: They are not on this machine, or others are there now.
        WeightsDamaged: Their file is damaged.
    """
    weights = find_weights(workspace, kind)
    if weights.digest != digest:
        raise WeightsMissing(
            "The weights this recipe was made for are not the ones found now "
            f"({weights.label}, from {weights.origin}).",
            "Put the former weights back, or make a new run with those that are there.",
            wanted=digest,
            found=weights.digest,
        )
    return weights


def prepare_features(
    by: Preparation, dataset: Dataset, weights: Weights, preprocessing: Preprocessing
) -> Features:
    """Return the features of all photos of the dataset.

    Raises:
        WeightsDamaged: The weights' file is damaged.
        RunStopped: It was to stop; what was extracted is kept.
        ResultDamaged: The photos of the dataset were altered.
    """
    backbone = prepare_backbone(by, weights, preprocessing)
    precisions = expect_precisions(by, backbone)
    if (kept := _find_kept(by.workspace, dataset, backbone, precisions)) is not None:
        return kept
    by.listener.begin_phase("extracting")
    check_photos(dataset)  # features outlive what they were made of
    opened = open_fast_backbone(by, weights, preprocessing)

    def tell_progress(progress: ExtractionProgress) -> None:
        by.listener.tell_progress(
            progress.done,
            progress.total,
            per_second=progress.photos_per_second,
            seconds_left=progress.seconds_left,
        )

    values = extract_features(
        by.workspace,
        dataset_id=dataset.id,
        photos_file=dataset.photos_file,
        backbone=opened,
        donors=find_donors(by.workspace, dataset, backbone, opened.facts.precision),
        on_progress=tell_progress,
        should_stop=by.should_stop,
    )
    identifier = features_id(dataset.id, backbone, opened.facts.precision)
    return Features(backbone_id=backbone, features_id=identifier, values=values)


def prepare_backbone(by: Preparation, weights: Weights, preprocessing: Preprocessing) -> str:
    """Return the id of the backbone, made now if the workspace had none.

    Raises:
        WeightsDamaged: The weights' file is damaged.
    """
    backbone = backbone_id(weights, preprocessing)
    if not backbone_exists(by.workspace, backbone):
        from models.keras_backbone import make_backbone

        by.listener.begin_phase("backbone")
        make_backbone(by.workspace, weights, preprocessing, by.listener.tell_progress)
    return backbone


def expect_precisions(by: Preparation, backbone: str) -> tuple[Precision, ...]:
    """Return what extraction here would compute in; on a GPU it is measured only when needed."""
    if by.device.kind == "gpu":
        return ("f16", "f32")
    precision = read_backbone_facts(by.workspace, backbone).precision
    return (precision if precision in offered_precisions() else "f32",)


def _find_kept(
    workspace: Workspace, dataset: Dataset, backbone: str, precisions: tuple[Precision, ...]
) -> Features | None:
    """Return the features without extracting any: the dataset's own, or copied from others."""
    for precision in precisions:
        identifier = features_id(dataset.id, backbone, precision)
        if (values := read_features(workspace, identifier)) is not None:
            return Features(backbone_id=backbone, features_id=identifier, values=values)
    copies = (_copy_known(workspace, dataset, backbone, precision) for precision in precisions)
    return next((copy for copy in copies if copy is not None), None)


def _copy_known(
    workspace: Workspace, dataset: Dataset, backbone: str, precision: Precision
) -> Features | None:
    """Return the features when other features hold them of every photo, without a backbone."""
    donors = find_donors(workspace, dataset, backbone, precision)
    if len(donors.find_unknown(0)):
        return None
    values = copy_features(
        workspace,
        dataset_id=dataset.id,
        backbone_id=backbone,
        precision=precision,
        donors=donors,
    )
    identifier = features_id(dataset.id, backbone, precision)
    return Features(backbone_id=backbone, features_id=identifier, values=values)


def open_fast_backbone(by: Preparation, weights: Weights, preprocessing: Preprocessing) -> Backbone:
    """Return the backbone as it extracts fastest: in Keras on a GPU, else in OpenVINO."""
    if by.device.kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        return open_keras_backbone(weights, preprocessing)
    return open_backbone(by.workspace, backbone_id(weights, preprocessing), purpose="throughput")
