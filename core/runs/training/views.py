"""Augmented views of photos, from the store or made now: what heads and last stages learn from.

View v of a photo is draw v of the policy, through the backbone ("pooled") or its trunk ("conv4").
Each view is one file; views are made one after the other, so that an interruption loses nothing.
Threads augment the next photos while the network computes.
"""

from collections.abc import Callable, Sequence

import numpy as np

from core.runs.training.preparing import (
    Listener,
    expect_precisions,
    open_fast_backbone,
    prepare_backbone,
    prepare_features,
)
from core.runs.training.wanted_views import (
    WantedView,
    check_room,
    compute_in,
    find_views,
    list_sources,
    read_views,
)
from core.workspace import Workspace
from data.augmentation import augment
from data.dataset import Dataset
from data.manifest import check_photos
from data.policy import AugmentationPolicy
from models.backbone import Backbone, Preprocessing, Trunk, backbone_id, open_trunk
from models.devices import Device
from models.extraction import ExtractionProgress, Photos, extract_rows
from models.keeping import FORMS, ViewKind, ViewSource
from models.rows import Change
from models.weights import Weights


def prepare_views(
    workspace: Workspace,
    dataset: Dataset,
    photos: np.ndarray,
    *,
    kind: ViewKind,
    weights: Weights,
    preprocessing: Preprocessing,
    policy: AugmentationPolicy,
    views: int,
    seed: int,
    device: Device,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> list[np.ndarray]:
    """Returns one memory-mapped array a view, rows in the order of `photos`; made when missing.

    Args:
        photos: (m,) int photo numbers.
        kind: pooled, (m, 2048) float32; conv4, (m, 14, 14, 1024) float16.
        policy: Where it does nothing there is one view, of the photos as they are.
        seed: Of the draws.

    Raises:
        DiskFull: There is no room for the views; nothing was begun.
        RecipeRefused: Activations are too large for float16.
        RunStopped: `should_stop` said so; what was computed is kept.
        WeightsDamaged: The weights' file is damaged, or features are not finite.
        ResultDamaged: The photos of the dataset were altered.
    """
    if not len(photos):
        return [np.empty((0, *FORMS[kind].shape), FORMS[kind].kind)]
    if kind == "pooled" and policy.does_nothing:
        features = prepare_features(
            workspace,
            dataset,
            weights,
            preprocessing,
            device=device,
            listener=listener,
            should_stop=should_stop,
        )
        return [features.values[photos]]
    backbone = prepare_backbone(workspace, weights, preprocessing, listener)
    sources = list_sources(kind, backbone, policy, views, seed)
    for precision in expect_precisions(workspace, backbone, device):
        kept = read_views(workspace, dataset, photos, compute_in(precision, sources), should_stop)
        if kept is not None:
            return kept
    listener.begin_phase("extracting" if kind == "pooled" else "activations")
    check_photos(dataset)  # views outlive what they were made of
    network = _open_network(workspace, kind, weights, preprocessing, device)
    sources = compute_in(network.facts.precision, sources)
    wanted = find_views(workspace, dataset, photos, sources, should_stop)
    check_room(workspace, wanted)

    def make_view(place: int) -> np.ndarray:
        view = wanted[place]
        change = None if policy.does_nothing else make_change(dataset, policy, view.source)
        source = Photos(dataset.photos_file, photos, change, threads=device.cores)
        tell = _tell_over_all(listener, wanted, place)
        return extract_rows(workspace, view.entry, source, network, view.donors, tell, should_stop)

    return [make_view(place) for place in range(len(wanted))]


def _open_network(
    workspace: Workspace,
    kind: ViewKind,
    weights: Weights,
    preprocessing: Preprocessing,
    device: Device,
) -> Backbone | Trunk:
    if kind == "pooled":
        return open_fast_backbone(workspace, weights, preprocessing, device)
    if device.kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        return open_keras_backbone(weights, preprocessing).cut_trunk()
    return open_trunk(workspace, backbone_id(weights, preprocessing))


def make_change(dataset: Dataset, policy: AugmentationPolicy, source: ViewSource) -> Change:
    """Returns what is done to each photo of the dataset in a view, by the photo's number."""
    digests = dataset.manifest["sha256"].tolist()

    def change(photo: np.ndarray, number: int) -> np.ndarray:
        return augment(
            photo, policy, seed=source.seed, photo_id=digests[number], draw=source.number
        )

    return change


def _tell_over_all(
    listener: Listener, views: Sequence[WantedView], place: int
) -> Callable[[ExtractionProgress], None]:
    """Returns what hears of the view at this place and tells of all of them."""
    later = sum(view.left for view in views[place + 1 :])

    def tell(progress: ExtractionProgress) -> None:
        speed = progress.photos_per_second
        listener.tell_progress(
            place * progress.total + progress.done,
            len(views) * progress.total,
            per_second=speed,
            seconds_left=(progress.left + later) / speed,
        )

    return tell
