"""Which views of photos are wanted, what is kept of them already, and whether the rest has room."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from core.config import fingerprint
from core.errors import DiskFull
from core.formats import count, size
from core.runs.training.feature_store import find_view_donors
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models.backbone import Precision
from models.keeping import (
    Entry,
    ViewKind,
    ViewSource,
    count_partial_rows,
    describe_view,
    is_kept,
    read_kept,
    report_stop,
)
from models.rows import Donors, find_no_donors

_SPARE_BYTES = 500_000_000
"""Room that views leave on the disk: checkpoints, results and others need some."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WantedView:
    """One view that is wanted, and what is there of it."""

    source: ViewSource
    entry: Entry
    donors: Donors
    left: int
    """Photos that have to go through the network; 0 when it is kept."""
    missing_bytes: int
    """What its file will take beyond what it has."""


def list_sources(
    kind: ViewKind, backbone: str, policy: AugmentationPolicy, views: int, seed: int
) -> list[ViewSource]:
    """Returns the source of each view; of one view without seed where the policy does nothing.

    The precision is left open.
    """
    plain = policy.does_nothing
    return [
        ViewSource(
            kind=kind,
            backbone=backbone,
            precision="",
            policy="" if plain else fingerprint(policy),
            seed=0 if plain else seed,
            number=number,
        )
        for number in range(1 if plain else views)
    ]


def count_missing(
    workspace: Workspace, dataset: Dataset, photos: np.ndarray, sources: Sequence[ViewSource]
) -> int:
    """Returns how many rows of views `prepare_views` would have to make, copies included.

    Goes by the names of files: it costs milliseconds, and damage is noticed when they are used.
    """
    counts = []
    for precision in get_args(Precision):
        entries = (
            describe_view(source, dataset.id, photos) for source in compute_in(precision, sources)
        )
        counts.append(sum(_count_missing_rows(workspace, entry) for entry in entries))
    return min(counts)


def _count_missing_rows(workspace: Workspace, entry: Entry) -> int:
    if is_kept(workspace, entry.id):
        return 0
    return len(entry.facts["photos"]) - count_partial_rows(workspace, entry)


def compute_in(precision: str, sources: Sequence[ViewSource]) -> list[ViewSource]:
    """Returns the sources as they are in this precision."""
    return [replace(source, precision=precision) for source in sources]


def read_views(
    workspace: Workspace,
    dataset: Dataset,
    photos: np.ndarray,
    sources: Sequence[ViewSource],
    should_stop: Callable[[], bool],
) -> list[np.ndarray] | None:
    """Returns the rows of every view, or None when one is missing or altered.

    Raises:
        RunStopped: `should_stop` said so; a view is a second a gigabyte.
    """
    entries = [describe_view(source, dataset.id, photos) for source in sources]
    if not all(is_kept(workspace, entry.id) for entry in entries):
        return None  # not a digest is computed before all are there
    kept = []
    for entry in entries:
        rows = read_kept(workspace, entry.id)
        if rows is None:
            return None
        if should_stop():
            raise report_stop()
        kept.append(rows)
    return kept


def find_views(
    workspace: Workspace,
    dataset: Dataset,
    photos: np.ndarray,
    sources: Sequence[ViewSource],
    should_stop: Callable[[], bool],
) -> list[WantedView]:
    """Returns what is there of each view of these photos (m,) int.

    Raises:
        RunStopped: `should_stop` said so.
    """
    found = []
    for source in sources:
        found.append(_find_view(workspace, dataset, photos, source))
        if should_stop():
            raise report_stop()
    return found


def _find_view(
    workspace: Workspace, dataset: Dataset, photos: np.ndarray, source: ViewSource
) -> WantedView:
    entry = describe_view(source, dataset.id, photos)
    if read_kept(workspace, entry.id) is not None:
        donors, left, missing = find_no_donors(len(photos)), 0, 0
    else:
        donors = find_view_donors(workspace, dataset, photos, source)
        done = count_partial_rows(workspace, entry)
        left, missing = len(donors.find_unknown(done)), len(photos) - done
    return WantedView(
        source=source,
        entry=entry,
        donors=donors,
        left=left,
        missing_bytes=missing * entry.form.size,
    )


def check_room(workspace: Workspace, views: Sequence[WantedView]) -> None:
    """Returns nothing when the disk has room for the views.

    Raises:
        DiskFull: It has not; says how much they need.
    """
    needed = sum(view.missing_bytes for view in views)
    free = shutil.disk_usage(workspace.features).free - _SPARE_BYTES
    if needed > free:
        raise DiskFull(
            f"{count(len(views), 'view')} of {count(len(views[0].donors), 'photo')} need "
            f"{size(needed)} on the disk; {size(max(free, 0))} are free for them.",
            "Choose fewer views, or make room: “python -m core features DATASET --drop-views” "
            "removes those that earlier runs left.",
            needed_bytes=needed,
            free_bytes=free,
        )
