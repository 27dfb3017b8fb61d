"""Features of a dataset, from the store or made now: what a head learns from.

Weights → backbone (made when missing) → features (extracted when missing; an extraction that was
interrupted is resumed). Features of the same photos in other datasets are copied: a version made by
edits is ready in a second. Keras is imported only when a backbone must be made or a GPU is used.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from core.cluster import BLOCK, ClusterNetwork
from core.config import FRAMING, Framing, read_settings
from core.errors import DiskFull, WeightsMissing
from core.formats import count, size
from core.runs.locks import is_locked
from core.runs.recipe.recipe import Recipe, check_network
from core.runs.store import Phase
from core.runs.training.donors import find_donors, find_rows, list_kept
from core.workspace import Workspace, check_identifier
from data.dataset import Dataset
from data.manifest import check_photos
from models.backbone import (
    Backbone,
    Precision,
    Preprocessing,
    Trunk,
    backbone_exists,
    backbone_id,
    open_backbone,
    read_backbone_facts,
    suit_machine,
)
from models.devices import Device
from models.extraction import (
    ExtractionProgress,
    Photos,
    copy_features,
    extract_features,
    extract_rows,
    features_id,
    read_features,
)
from models.keeping import FRAMED, ViewKind, count_partial_rows, describe_photos, read_kept
from models.weights import Weights, find_weights

_SPARE_BYTES = 500_000_000
"""Room that is left on the disk: checkpoints, results and others need some."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """The features of photos of a dataset, (n, 2048) float32, and their ids."""

    backbone_id: str
    features_id: str
    """Of those of all photos."""
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

    def tell_photos(self, progress: ExtractionProgress) -> None:
        """Tell the listener how many photos of a phase are done."""
        self.listener.tell_progress(
            progress.done,
            progress.total,
            per_second=progress.photos_per_second,
            seconds_left=progress.seconds_left,
        )


class _AsTheyAre:
    """What gives out the photos that it is given, where a network would look at them."""

    batch_size = 16

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        return iter(batches)


def find_recipe_weights(workspace: Workspace, recipe: Recipe) -> Weights:
    """Return the weights that a recipe names.

    Raises:
        NetworkUnsupported: The recipe is of an earlier version and has another network.
        WeightsMissing: They are not on this machine, or others are there now.
        WeightsDamaged: Their file is damaged.
    """
    check_network(recipe)
    weights = find_weights(workspace, recipe.weights)
    if weights.digest != recipe.weights_digest:
        raise WeightsMissing(
            "The weights this recipe was made for are not the ones found now "
            f"({weights.label}, from {weights.origin}).",
            "Put the former weights back, or make a new run with those that are there.",
            wanted=recipe.weights_digest,
            found=weights.digest,
        )
    return weights


def check_room(workspace: Workspace, what: str, needed: int, remedy: str) -> None:
    """Check that the disk has room for so many more bytes of features, and to spare.

    Raises:
        DiskFull: It has not; says how much `what` needs.
    """
    free = shutil.disk_usage(workspace.features).free - _SPARE_BYTES
    if needed > free:
        raise DiskFull(
            f"{what} need {size(needed)} on the disk; {size(max(free, 0))} are free for them.",
            remedy,
            needed_bytes=needed,
            free_bytes=free,
        )


def prepare_photos(by: Preparation, dataset: Dataset, framing: Framing) -> Path:
    """Return the .npy of all photos of the dataset, so framed, (n, side, side, 3) uint8.

    What was not packed at the import is packed now, from the photos' own files, and kept.

    Raises:
        DiskFull: There is no room for them; nothing was begun.
        RunStopped: It was to stop; what was packed is kept.
        ResultDamaged: The photos of the dataset were altered.
        PhotoRefused: One cannot be read here any more: a reader or a limit is another.
    """
    check_photos(dataset)  # features outlive what they were made of
    if framing.is_packed:
        return dataset.photos_file
    entry = describe_photos(framing, dataset.id)
    if read_kept(by.workspace, entry.id) is None:
        by.listener.begin_phase("packing")
        photos = Photos(
            dataset.photos_file,
            change=lambda _, numbers: np.stack(
                [dataset.read_photo(number, framing) for number in numbers]
            ),
            threads=by.device.cores,
        )
        source = {name: entry.facts[name] for name in entry.facts if name != "dataset"}
        donors = find_rows(by.workspace, dataset, dataset.manifest["sha256"], source, but=None)
        check_room(
            by.workspace,
            count(len(dataset), "padded photo"),
            (len(dataset) - count_partial_rows(by.workspace, entry)) * entry.form.size,
            "Delete runs or datasets that you do not need.",
        )
        extract_rows(
            by.workspace, entry, photos, _AsTheyAre(), donors, by.tell_photos, by.should_stop
        )
    return by.workspace.features_file(entry.id)


def prepare_features(
    by: Preparation,
    dataset: Dataset,
    weights: Weights,
    preprocessing: Preprocessing,
    framing: Framing = FRAMING,
) -> Features:
    """Return the features of all photos of the dataset.

    Raises:
        WeightsDamaged: The weights' file is damaged.
        RunStopped: It was to stop; what was extracted is kept.
        ResultDamaged: The photos of the dataset were altered.
    """
    backbone = prepare_backbone(by, weights, preprocessing, framing)
    precisions = expect_precisions(by, backbone)
    if (kept := _find_kept(by.workspace, dataset, backbone, precisions)) is not None:
        return kept
    photos_file = prepare_photos(by, dataset, framing)
    by.listener.begin_phase("extracting")
    missing = min(
        len(find_donors(by.workspace, dataset, backbone, one).find_unknown(0)) for one in precisions
    )
    opened = open_on_cluster(by, weights, backbone, missing)
    opened = opened or open_fast_backbone(by, weights, preprocessing, framing)
    identifier = features_id(dataset.id, backbone, opened.facts.precision)
    donors = find_donors(by.workspace, dataset, backbone, opened.facts.precision)
    values = extract_features(
        by.workspace,
        dataset_id=dataset.id,
        photos_file=photos_file,
        backbone=opened,
        donors=donors,
        on_progress=by.tell_photos,
        should_stop=by.should_stop,
    )
    return Features(backbone_id=backbone, features_id=identifier, values=values)


def prepare_backbone(
    by: Preparation, weights: Weights, preprocessing: Preprocessing, framing: Framing = FRAMING
) -> str:
    """Return the id of the backbone, made now if the workspace had none.

    Raises:
        WeightsDamaged: The weights' file is damaged.
    """
    backbone = backbone_id(weights, preprocessing, framing)
    if not backbone_exists(by.workspace, backbone):
        from models.keras_backbone import make_backbone

        by.listener.begin_phase("backbone")
        make_backbone(by.workspace, weights, preprocessing, by.listener.tell_progress, framing)
    return backbone


def expect_precisions(by: Preparation, backbone: str) -> tuple[Precision, ...]:
    """Return what extraction here would compute in; on a GPU it is measured only when needed."""
    if by.device.kind == "gpu":
        return ("f16", "f32")
    own = suit_machine(read_backbone_facts(by.workspace, backbone)).precision
    nodes: tuple[Precision, ...] = ("f16", "f32") if read_settings().ray_address else ()
    return (own, *(one for one in nodes if one != own))


def _find_kept(
    workspace: Workspace, dataset: Dataset, backbone: str, precisions: tuple[Precision, ...]
) -> Features | None:
    """Return the features without extracting any: the dataset's own, or copied from others."""
    for precision in precisions:
        identifier = features_id(dataset.id, backbone, precision)
        if (values := read_features(workspace, identifier)) is not None:
            return Features(backbone_id=backbone, features_id=identifier, values=values)
    for precision in precisions:
        donors = find_donors(workspace, dataset, backbone, precision)
        if len(donors.find_unknown(0)):
            continue
        values = copy_features(
            workspace,
            dataset_id=dataset.id,
            backbone_id=backbone,
            precision=precision,
            donors=donors,
        )
        identifier = features_id(dataset.id, backbone, precision)
        return Features(backbone_id=backbone, features_id=identifier, values=values)
    return None


def open_fast_backbone(
    by: Preparation, weights: Weights, preprocessing: Preprocessing, framing: Framing
) -> Backbone:
    """Return the backbone as it extracts fastest here: in Keras on a GPU, else in OpenVINO."""
    if by.device.kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        return open_keras_backbone(weights, preprocessing, framing)
    identifier = backbone_id(weights, preprocessing, framing)
    return open_backbone(by.workspace, identifier, purpose="throughput")


def open_on_cluster(
    by: Preparation, weights: Weights, backbone: str, missing: int, *, is_trunk: bool = False
) -> Trunk | None:
    """Return a backbone, or its trunk, that a cluster computes; None: there is none, or too little.

    Args:
        missing: Photos that have to go through it; a cluster gets more than a block of them.
    """
    if not read_settings().ray_address or missing <= BLOCK:
        return None
    facts = read_backbone_facts(by.workspace, backbone)
    return ClusterNetwork(by.workspace, facts, weights, is_trunk=is_trunk)


def delete_features(workspace: Workspace, dataset_id: str) -> int:
    """Return how many kept files of the dataset were removed: features, views and activations.

    Half-made ones go, too, and the last maps of its photos.
    """
    kept = list_kept(workspace, {"dataset": check_identifier(dataset_id)})
    for identifier, _ in kept:
        _delete_kept(workspace, identifier)
    for ending in ("part", "lock"):
        for file in workspace.features.glob(f".{dataset_id}.*.{ending}"):
            file.unlink(missing_ok=True)
    shutil.rmtree(workspace.maps_folder(dataset_id), ignore_errors=True)
    return len(kept)


def delete_views(workspace: Workspace, dataset_id: str) -> int:
    """Return how many bytes views, framed photos and last maps of the dataset took; features stay.

    Views that are being made now stay, too. A run that reads the others reads on to its end.
    """
    freed = 0
    for identifier, facts in list_kept(workspace, {"dataset": check_identifier(dataset_id)}):
        if "view" in facts:
            freed += _delete_kept(workspace, identifier)
    for kind in (*get_args(ViewKind), FRAMED):
        for partial in workspace.features.glob(f".{dataset_id}.{kind}.*.part"):
            if not is_locked(partial.with_suffix(".lock")):
                freed += partial.stat().st_size
                partial.unlink()
    maps = workspace.maps_folder(dataset_id)
    freed += sum(file.stat().st_size for file in maps.rglob("*.map"))
    shutil.rmtree(maps, ignore_errors=True)
    return freed


def _delete_kept(workspace: Workspace, identifier: str) -> int:
    file = workspace.features_file(identifier)
    file.with_suffix(".json").unlink(missing_ok=True)  # first: without it they are not read
    size = file.stat().st_size if file.exists() else 0
    file.unlink(missing_ok=True)
    return size
