"""Features of a dataset: read from the cache, copied from other datasets, or extracted.

Weights → backbone → features; an interrupted extraction is resumed. Keras is imported only to make
a backbone or to use a GPU.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from core.cluster import BLOCK, ClusterNetwork
from core.config import FRAMING, Framing, read_settings
from core.errors import BackboneMissing, DiskFull, WeightsMissing
from core.formats import count, size
from core.runs.locks import is_locked
from core.runs.recipe.recipe import Recipe, check_network
from core.runs.run_files import delete_rows
from core.runs.store import Phase
from core.runs.training.donors import find_donors, list_kept
from core.workspace import Workspace, check_identifier
from data.dataset import Dataset
from data.manifest import check_photos, list_datasets, read_dataset
from models.backbone import (
    ADD_AGAIN,
    BackboneFacts,
    Precision,
    Preprocessing,
    Trunk,
    backbone_exists,
    backbone_id,
    open_backbone,
    read_backbone_facts,
    suit_machine,
)
from models.catalogue import ADDED
from models.devices import Device, find_device
from models.extraction import Photos, copy_rows, describe_features, extract_rows
from models.making import make_backbone
from models.rows import FRAMED, Entry, ViewKind, count_partial_rows, describe_photos, read_kept
from models.weights import Weights, find_weights, name_usual

_SPARE_BYTES = 500_000_000
"""Free space that is left on the disk for checkpoints and results."""
MOST_AHEAD = 1_000
"""Photos of a dataset whose features are computed before a run asks for them."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Features of all photos of a dataset, and their ids."""

    backbone_id: str
    features_id: str
    values: np.ndarray
    """(n, d) float32."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The workspace, progress, stop signal and device of a preparation."""

    workspace: Workspace
    tell: Callable[..., None] = lambda *_, **__: None
    """Called with a phase, done and total (0 of 0: it begins); for photos also with per_second and
    seconds_left."""
    should_stop: Callable[[], bool] = lambda: False
    device: Device = field(default_factory=find_device)

    def tell_photos(self, phase: Phase, done: int, total: int, left: int, speed: float) -> None:
        """Report the progress of an extraction (see `models.extraction.Tell`)."""
        self.tell(phase, done, total, per_second=speed, seconds_left=left / speed)


class _Identity:
    """A network whose output is its input."""

    batch_size = 16

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        return iter(batches)


def prepare_first_run(workspace: Workspace, should_stop: Callable[[], bool]) -> None:
    """Compute what the first run on a small new dataset will need, until it should stop.

    That is the backbone of the usual weights and its features of the newest dataset.

    Raises:
        PetalscopeError: The dataset or the weights are damaged, or it was stopped.
    """
    newest = next(iter(list_datasets(workspace)), None)
    if newest is None or newest.problem or newest.photos > MOST_AHEAD:
        return
    if list_kept(workspace, {"dataset": newest.id}):
        return
    weights = find_weights(workspace, name_usual(workspace))
    usual = Recipe(dataset=newest.id, weights=weights.name, weights_digest=weights.digest)
    dataset = read_dataset(workspace, newest.id)
    by = Preparation(workspace=workspace, should_stop=should_stop)
    prepare_features(by, dataset, weights, usual.preprocessing, usual.seen_as)


def find_recipe_weights(workspace: Workspace, recipe: Recipe) -> Weights:
    """Return the weights of a recipe.

    Raises:
        NetworkUnsupported: The recipe is of an earlier version and has another network.
        WeightsMissing: They are not on this machine, or differ from the recipe's.
        WeightsDamaged: Their file is damaged.
        BackboneMissing: The added model is not in the workspace, or was altered.
    """
    check_network(recipe)
    if recipe.is_added:
        return _find_added(workspace, recipe)
    weights = find_weights(workspace, recipe.weights)
    if weights.digest != recipe.weights_digest:
        raise WeightsMissing(
            f"The weights on this machine ({weights.label}, from {weights.origin}) are not the "
            "weights of this recipe.",
            "Restore the former weights, or start a new run.",
            wanted=recipe.weights_digest,
            found=weights.digest,
        )
    return weights


def _find_added(workspace: Workspace, recipe: Recipe) -> Weights:
    known = Weights(
        name=ADDED, file=None, digest=recipe.weights_digest, origin="the workspace", official=False
    )
    identifier = backbone_id(known, recipe.preprocessing, recipe.seen_as)
    try:
        return replace(known, title=read_backbone_facts(workspace, identifier).weights_label)
    except BackboneMissing as error:
        raise BackboneMissing(error.problem, ADD_AGAIN, **error.facts) from error


def check_room(workspace: Workspace, what: str, needed: int, remedy: str) -> None:
    """Check that the disk has room for `needed` bytes of features.

    Raises:
        DiskFull: It has not.
    """
    free = shutil.disk_usage(workspace.features).free - _SPARE_BYTES
    if needed > free:
        problem = f"{what} need {size(needed)} on the disk; {size(max(free, 0))} is free."
        raise DiskFull(problem, remedy, needed_bytes=needed, free_bytes=free)


def prepare_photos(by: Preparation, dataset: Dataset, framing: Framing) -> Path:
    """Return the .npy of all photos of the dataset, (n, 224, 224, 3) uint8.

    Padded or squeezed photos are packed from the original files and cached.

    Raises:
        DiskFull: The disk has no room for them.
        RunStopped: A stop was requested; packed photos stay.
        ResultDamaged: The photos of the dataset were altered.
        PhotoRefused: A photo cannot be read.
    """
    check_photos(dataset)  # features outlive their photos
    if framing.is_packed:
        return dataset.photos_file
    entry = describe_photos(framing, dataset.id)
    if read_kept(by.workspace, entry.id) is None:
        by.tell("packing", 0, 0)
        photos = Photos(
            dataset.photos_file,
            change=lambda _, numbers: np.stack(
                [dataset.read_photo(number, framing) for number in numbers]
            ),
            threads=by.device.cores,
        )
        donors = find_donors(by.workspace, dataset, entry.facts)
        check_room(
            by.workspace,
            count(len(dataset), framing.words.removesuffix("s")),
            (len(dataset) - count_partial_rows(by.workspace, entry)) * entry.form.itemsize,
            "Delete runs or datasets that you do not need.",
        )
        tell = partial(by.tell_photos, "packing")
        extract_rows(by.workspace, entry, photos, _Identity(), donors, tell, by.should_stop)
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
        RunStopped: A stop was requested; extracted features stay.
        ResultDamaged: The photos of the dataset were altered.
    """
    backbone = prepare_backbone(by, weights, preprocessing, framing)
    home, precisions = by.workspace, expect_precisions(by, backbone)
    entries = [describe_features(dataset.id, backbone, precision) for precision in precisions]

    def describe(entry: Entry, values: np.ndarray) -> Features:
        return Features(backbone_id=backbone.id, features_id=entry.id, values=values)

    for entry in entries:
        if (kept := read_kept(home, entry.id)) is not None:
            return describe(entry, kept)
    missing = []
    for entry in entries:
        donors = find_donors(home, dataset, {**entry.facts, "view": None})
        missing.append(len(donors.find_unknown(0)))
        if not missing[-1]:
            return describe(entry, copy_rows(home, entry, donors))
    photos = Photos(prepare_photos(by, dataset, framing))
    by.tell("extracting", 0, 0)
    network = open_network(by, weights, backbone, min(missing))
    entry = describe_features(dataset.id, backbone, network.facts.precision)
    donors = find_donors(home, dataset, {**entry.facts, "view": None})
    tell = partial(by.tell_photos, "extracting")
    values = extract_rows(home, entry, photos, network, donors, tell, by.should_stop)
    return describe(entry, values)


def prepare_backbone(
    by: Preparation, weights: Weights, preprocessing: Preprocessing, framing: Framing
) -> BackboneFacts:
    """Return the facts of the backbone, which is made if it is missing."""
    identifier = backbone_id(weights, preprocessing, framing)
    if not backbone_exists(by.workspace, identifier):
        by.tell("backbone", 0, 0)
        make_backbone(by.workspace, weights, preprocessing, framing)
    return read_backbone_facts(by.workspace, identifier)


def expect_precisions(by: Preparation, facts: BackboneFacts) -> tuple[Precision, ...]:
    """Return the precisions that features may have on this device, the expected one first."""
    if by.device.kind == "gpu" and facts.weights_kind != ADDED:
        return ("f16", "f32")
    own = suit_machine(facts).precision
    nodes: tuple[Precision, ...] = ("f16", "f32") if read_settings().ray_address else ()
    return (own, *(one for one in nodes if one != own))


def open_network(
    by: Preparation,
    weights: Weights,
    facts: BackboneFacts,
    missing: int,
    *,
    is_trunk: bool = False,
) -> Trunk:
    """Return a backbone or its trunk: on a cluster, in Keras on a GPU, else in OpenVINO.

    An added model stays here in OpenVINO, and so do few missing photos without a GPU.
    """
    if weights.name != ADDED and read_settings().ray_address and missing > BLOCK:
        return ClusterNetwork(by.workspace, facts, weights, is_trunk=is_trunk)
    if weights.name != ADDED and by.device.kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        backbone = open_keras_backbone(weights, facts.preprocessing, facts.framing)
        return backbone.trunk if is_trunk else backbone
    return open_backbone(by.workspace, facts.id, purpose="throughput", is_trunk=is_trunk)


def delete_features(workspace: Workspace, dataset_id: str) -> None:
    """Delete all cached files of the dataset."""
    for identifier, _ in list_kept(workspace, {"dataset": check_identifier(dataset_id)}):
        delete_rows(workspace.features_file(identifier))
    for ending in ("part", "lock"):
        for file in workspace.features.glob(f".{dataset_id}.*.{ending}"):
            file.unlink(missing_ok=True)
    shutil.rmtree(workspace.maps_folder(dataset_id), ignore_errors=True)


def delete_views(workspace: Workspace, dataset_id: str) -> int:
    """Delete views, padded photos and last maps of the dataset and return their bytes.

    Features stay, and views that are being made.
    """
    freed = 0
    for identifier, facts in list_kept(workspace, {"dataset": check_identifier(dataset_id)}):
        if "view" in facts:
            freed += delete_rows(workspace.features_file(identifier))
    for kind in (*get_args(ViewKind), FRAMED):
        for part in workspace.features.glob(f".{dataset_id}.{kind}.*.part"):
            if not is_locked(part.with_suffix(".lock")):
                freed += part.stat().st_size
                part.unlink()
    maps = workspace.maps_folder(dataset_id)
    freed += sum(file.stat().st_size for file in maps.rglob("*.map"))
    shutil.rmtree(maps, ignore_errors=True)
    return freed
