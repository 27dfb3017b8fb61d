"""Augmented views of photos, from the cache or computed: heads and last stages learn from them.

View v of a photo is draw v of the policy, through the backbone ("pooled") or its trunk ("conv4").
Each view is one file, made one after the other, so that an interruption loses nothing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.config import fingerprint
from core.formats import count
from core.kept import report_stop
from core.runs.recipe.recipe import Recipe
from core.runs.store import Phase
from core.runs.training.donors import find_donors
from core.runs.training.preparing import (
    Preparation,
    check_room,
    expect_precisions,
    open_network,
    prepare_backbone,
    prepare_features,
    prepare_photos,
)
from data.augmentation import Draws
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models.backbone import Trunk
from models.devices import find_device
from models.extraction import Photos, extract_rows
from models.rows import (
    CONV4,
    POOLED,
    Donors,
    Entry,
    Rows,
    ViewKind,
    count_partial_rows,
    describe_view,
    find_no_donors,
    is_kept,
    read_kept,
    take_rows,
)
from models.weights import Weights


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewRequest:
    """Photos, network and policy of the requested views; the rest is as in the recipe."""

    dataset: Dataset
    photos: np.ndarray
    """(m,) int photo numbers."""
    kind: ViewKind
    """pooled: (m, 2048) float32; conv4: (m, 14, 14, 1024) float16."""
    weights: Weights
    recipe: Recipe
    policy: AugmentationPolicy
    """Without augmentation there is one view."""

    @property
    def phase(self) -> Phase:
        return "extracting" if self.kind == "pooled" else "activations"

    @property
    def n_views(self) -> int:
        return 1 if self.policy.does_nothing else self.recipe.views

    def list_entries(self, backbone: str, precision: str) -> list[Entry]:
        """Return the cache entry of each view."""
        plain = self.policy.does_nothing
        facts = {
            "dataset": self.dataset.id,
            "view": self.kind,
            "backbone": backbone,
            "precision": precision,
            "policy": "" if plain else fingerprint(self.policy),
            "seed": 0 if plain else self.recipe.seed,
        }
        numbers = range(self.n_views)
        return [describe_view({**facts, "number": one}, self.photos) for one in numbers]


_View = tuple[Entry, Donors, int]
"""A requested view, its donors, and the number of photos that have to go through the network."""


def prepare_views(by: Preparation, wanted: ViewRequest) -> Sequence[Rows]:
    """Return one memory-mapped array per view, rows in the order of the photos.

    Raises:
        DiskFull: The disk has no room for the views.
        RecipeRefused: Activations are too large for float16.
        RunStopped: A stop was requested; computed rows stay.
        WeightsDamaged: The weights' file is damaged, or features are not finite.
        ResultDamaged: The photos of the dataset were altered.
    """
    pooled = wanted.kind == "pooled"
    form = POOLED if pooled else CONV4
    if not len(wanted.photos):
        return [np.empty((0, *form.shape), form.base)]
    seen_as = wanted.weights, wanted.recipe.preprocessing, wanted.recipe.seen_as
    if pooled and wanted.policy.does_nothing:
        features = prepare_features(by, wanted.dataset, *seen_as)
        return [take_rows(features.values, wanted.photos)]
    backbone = prepare_backbone(by, *seen_as)
    for precision in expect_precisions(by, backbone):
        kept = _read_views(by, wanted.list_entries(backbone.id, precision))
        if kept is not None:
            return kept
    photos_file = prepare_photos(by, wanted.dataset, wanted.recipe.seen_as)
    by.tell(wanted.phase, 0, 0)
    rows = wanted.n_views * len(wanted.photos)
    network = open_network(by, wanted.weights, backbone, rows, is_trunk=not pooled)
    entries = wanted.list_entries(backbone.id, network.facts.precision)
    views, missing = _find_views(by, wanted.dataset, entries)
    check_room(
        by.workspace,
        f"{count(len(views), 'view')} of {count(len(wanted.photos), 'photo')}",
        missing * form.itemsize,
        "Choose fewer views, or free some space: “python -m core features DATASET --drop-views” "
        "deletes the views of earlier runs.",
    )
    return [
        _make_view(by, wanted, photos_file, network, views[place:]) for place in range(len(views))
    ]


def _read_views(by: Preparation, entries: Sequence[Entry]) -> list[np.ndarray] | None:
    """Return the rows of every view, or None where one is missing or altered."""
    if not all(is_kept(by.workspace, entry.id) for entry in entries):
        return None  # digests take a second per gigabyte
    kept = []
    for entry in entries:
        rows = read_kept(by.workspace, entry.id)
        if rows is None:
            return None
        if by.should_stop():
            raise report_stop()
        kept.append(rows)
    return kept


def _find_views(
    by: Preparation, dataset: Dataset, entries: Sequence[Entry]
) -> tuple[list[_View], int]:
    """Return the requested views, and their number of rows that are not on the disk.

    Raises:
        RunStopped: A stop was requested.
    """
    found, missing = list[_View](), 0
    for entry in entries:
        total = len(entry.facts["photos"])
        if read_kept(by.workspace, entry.id) is not None:
            done, donors = total, find_no_donors(total)
        else:
            done = count_partial_rows(by.workspace, entry)
            donors = find_donors(by.workspace, dataset, entry.facts)
        found.append((entry, donors, len(donors.find_unknown(done))))
        missing += total - done
        if by.should_stop():
            raise report_stop()
    return found, missing


def _make_view(
    by: Preparation,
    wanted: ViewRequest,
    photos_file: Path,
    network: Trunk,
    views: Sequence[_View],
) -> np.ndarray:
    """Return the rows of the first of these views; report the progress of all of them."""
    (entry, donors, _), later = views[0], sum(left for _, _, left in views[1:])
    number = wanted.n_views - len(views)
    draws = open_draws(wanted.dataset, wanted.policy, wanted.recipe.seed)
    change = None if wanted.policy.does_nothing else partial(draws.draw, draw=number)
    photos = Photos(photos_file, wanted.photos, change, threads=by.device.cores)

    def tell(done: int, total: int, left: int, speed: float) -> None:
        by.tell(
            wanted.phase,
            number * total + done,
            wanted.n_views * total,
            per_second=speed,
            seconds_left=(left + later) / speed,
        )

    return extract_rows(by.workspace, entry, photos, network, donors, tell, by.should_stop)


def open_draws(dataset: Dataset, policy: AugmentationPolicy, seed: int) -> Draws:
    """Return the draws of a policy for the dataset's photos."""
    return Draws(policy=policy, seed=seed, digests=dataset.manifest["sha256"].tolist())


class PhotoSource:
    """Photos for a fit of stages, augmented in each epoch; it can move to another process."""

    def __init__(
        self, dataset: Dataset, photos: Photos, policy: AugmentationPolicy, *, seed: int
    ) -> None:
        self._photos = np.arange(len(dataset)) if photos.numbers is None else photos.numbers
        self.labels = dataset.labels[self._photos]
        self._draws = open_draws(dataset, policy, seed)
        self._packed: np.ndarray = np.load(photos.file, mmap_mode="r", allow_pickle=False)
        self._places = self._photos  # in that file
        self._threads = ThreadPoolExecutor(max(1, photos.threads), thread_name_prefix="augmenter")

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return photos (b, 224, 224, 3) uint8 with draw `epoch` - 1 of the policy."""
        photos = (np.asarray(self._packed[place]) for place in self._places[rows].tolist())
        numbers = self._photos[rows].tolist()
        return self._draws.draw(photos, numbers, epoch - 1, self._threads.map)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the photos and without threads."""
        packed, places = np.asarray(self._packed[self._places]), np.arange(len(self._places))
        return {**vars(self), "_packed": packed, "_places": places, "_threads": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "_threads": ThreadPoolExecutor(find_device().cores)}
