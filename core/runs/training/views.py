"""Augmented views of photos, from the cache or computed: heads and last stages learn from them.

View v of a photo is draw v of the policy, through the backbone ("pooled") or its trunk ("conv4").
Each view is one file, made one after the other, so that an interruption loses nothing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.config import FRAMING, Framing, fingerprint
from core.formats import count
from core.kept import report_stop
from core.runs.recipe.recipe import Recipe
from core.runs.training.donors import find_view_donors
from core.runs.training.preparing import (
    Preparation,
    check_room,
    expect_precisions,
    open_fast_backbone,
    open_on_cluster,
    prepare_backbone,
    prepare_features,
    prepare_photos,
)
from data.augmentation import Draws
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models.backbone import Preprocessing, Trunk, backbone_id, open_trunk
from models.devices import find_device
from models.extraction import ExtractionProgress, Photos, extract_rows
from models.rows import (
    Donors,
    Entry,
    Rows,
    ViewKind,
    ViewSource,
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
    """Photos, network, policy and number of the requested views."""

    dataset: Dataset
    photos: np.ndarray
    """(m,) int photo numbers."""
    kind: ViewKind
    """pooled: (m, 2048) float32; conv4: (m, 14, 14, 1024) float16."""
    weights: Weights
    preprocessing: Preprocessing
    framing: Framing = FRAMING
    policy: AugmentationPolicy
    """Without augmentation there is one view."""
    views: int
    seed: int

    @property
    def backbone_id(self) -> str:
        return backbone_id(self.weights, self.preprocessing, self.framing)

    def list_sources(self, precision: str = "") -> list[ViewSource]:
        """Return the source of each view."""
        plain = self.policy.does_nothing
        source = ViewSource(
            kind=self.kind,
            backbone=self.backbone_id,
            precision=precision,
            policy="" if plain else fingerprint(self.policy),
            seed=0 if plain else self.seed,
            number=0,
        )
        return [replace(source, number=number) for number in range(1 if plain else self.views)]

    def list_entries(self, precision: str) -> list[Entry]:
        """Return the cache entry of each view."""
        sources = self.list_sources(precision)
        return [describe_view(source, self.dataset.id, self.photos) for source in sources]


@dataclass(frozen=True, eq=False)
class _WantedView:
    """One requested view and its missing rows."""

    source: ViewSource
    entry: Entry
    donors: Donors
    left: int
    """Photos that have to go through the network."""
    missing_bytes: int


def prepare_views(by: Preparation, wanted: ViewRequest) -> Sequence[Rows]:
    """Return one memory-mapped array per view, rows in the order of the photos.

    Raises:
        DiskFull: The disk has no room for the views.
        RecipeRefused: Activations are too large for float16.
        RunStopped: A stop was requested; computed rows stay.
        WeightsDamaged: The weights' file is damaged, or features are not finite.
        ResultDamaged: The photos of the dataset were altered.
    """
    if not len(wanted.photos):
        form = wanted.list_sources()[0].form
        return [np.empty((0, *form.shape), form.kind)]
    pooled = wanted.kind == "pooled"
    if pooled and wanted.policy.does_nothing:
        features = prepare_features(
            by, wanted.dataset, wanted.weights, wanted.preprocessing, wanted.framing
        )
        return [take_rows(features.values, wanted.photos)]
    backbone = prepare_backbone(by, wanted.weights, wanted.preprocessing, wanted.framing)
    for precision in expect_precisions(by, backbone):
        kept = _read_views(by, wanted.list_entries(precision))
        if kept is not None:
            return kept
    photos_file = prepare_photos(by, wanted.dataset, wanted.framing)
    by.listener.begin_phase("extracting" if pooled else "activations")
    network = _open_network(by, wanted)
    views = _find_views(by, wanted, network.facts.precision)
    check_room(
        by.workspace,
        f"{count(len(views), 'view')} of {count(len(wanted.photos), 'photo')}",
        sum(view.missing_bytes for view in views),
        "Choose fewer views, or free some space: “python -m core features DATASET --drop-views” "
        "deletes the views of earlier runs.",
    )
    return [
        _make_view(by, wanted, photos_file, network, views[place:]) for place in range(len(views))
    ]


def request_views(recipe: Recipe, weights: Weights, dataset: Dataset) -> ViewRequest:
    """Return the request for pooled views of all photos."""
    return ViewRequest(
        dataset=dataset,
        photos=np.arange(len(dataset)),
        kind="pooled",
        weights=weights,
        preprocessing=recipe.preprocessing,
        framing=recipe.seen_as,
        policy=recipe.augmentation,
        views=recipe.views,
        seed=recipe.seed,
    )


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


def _find_views(by: Preparation, wanted: ViewRequest, precision: str) -> list[_WantedView]:
    """Return the requested views with their missing rows, unless a stop is requested."""
    found, n = [], len(wanted.photos)
    for source in wanted.list_sources(precision):
        entry = describe_view(source, wanted.dataset.id, wanted.photos)
        if read_kept(by.workspace, entry.id) is not None:
            view = _WantedView(source, entry, find_no_donors(n), left=0, missing_bytes=0)
        else:
            donors = find_view_donors(by.workspace, wanted.dataset, wanted.photos, source)
            done = count_partial_rows(by.workspace, entry)
            left, missing = len(donors.find_unknown(done)), (n - done) * entry.form.size
            view = _WantedView(source, entry, donors, left=left, missing_bytes=missing)
        found.append(view)
        if by.should_stop():
            raise report_stop()
    return found


def _open_network(by: Preparation, wanted: ViewRequest) -> Trunk:
    missing = len(wanted.photos) * len(wanted.list_sources())
    backbone, is_trunk = wanted.backbone_id, wanted.kind == "conv4"
    if network := open_on_cluster(by, wanted.weights, backbone, missing, is_trunk=is_trunk):
        return network
    seen_as = wanted.preprocessing, wanted.framing
    if not is_trunk:
        return open_fast_backbone(by, wanted.weights, *seen_as)
    if by.device.kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        return open_keras_backbone(wanted.weights, *seen_as).trunk
    return open_trunk(by.workspace, backbone)


def _make_view(
    by: Preparation,
    wanted: ViewRequest,
    photos_file: Path,
    network: Trunk,
    views: Sequence[_WantedView],
) -> np.ndarray:
    """Return the rows of the first of these views; report the progress of all of them."""
    view, later = views[0], sum(view.left for view in views[1:])
    number = view.source.number
    n_views = number + len(views)
    dataset, policy = wanted.dataset, wanted.policy
    draws = open_draws(dataset, policy, view.source.seed)
    change = None if policy.does_nothing else partial(draws.draw, draw=number)
    photos = Photos(photos_file, wanted.photos, change, threads=by.device.cores)

    def tell(progress: ExtractionProgress) -> None:
        speed = progress.photos_per_second
        by.listener.tell_progress(
            number * progress.total + progress.done,
            n_views * progress.total,
            per_second=speed,
            seconds_left=(progress.left + later) / speed,
        )

    return extract_rows(
        by.workspace, view.entry, photos, network, view.donors, tell, by.should_stop
    )


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
