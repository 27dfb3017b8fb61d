"""Cached rows of photos: their facts and files.

A hidden file has the rows until all are computed; the next call continues it. A view has features,
or activations of conv4, of photos that are each augmented once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core import kept
from core.config import PHOTO_SIZE, Framing, fingerprint
from core.workspace import Workspace
from models.rows import CONV4, PHOTOS, POOLED, RowForm


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of cached rows, with all facts that decide its content."""

    id: str
    facts: dict[str, Any]
    """JSON values; "dataset" is the dataset of the photos."""
    form: RowForm


def name_partial(workspace: Workspace, entry: Entry) -> Path:
    """Return the hidden file of the rows of an entry until all are there."""
    kind = entry.facts.get("view", "features")
    return workspace.features / f".{entry.facts['dataset']}.{kind}.{entry.id}.part"


def count_partial_rows(workspace: Workspace, entry: Entry) -> int:
    """Return the number of rows of an incomplete entry, by the size of its file."""
    try:
        return name_partial(workspace, entry).stat().st_size // entry.form.size
    except FileNotFoundError:
        return 0


def read_kept(workspace: Workspace, identifier: str) -> np.ndarray | None:
    """Return the rows (n, …), memory-mapped; None if they are missing or altered."""
    return kept.read_rows(workspace.features_file(identifier))


def is_kept(workspace: Workspace, identifier: str) -> bool:
    """Return whether the rows are cached, by the names of the files alone: fast."""
    return kept.has_rows(workspace.features_file(identifier))


def keep_rows(
    workspace: Workspace,
    entry: Entry,
    complete: Callable[[Path], None],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Return the rows of the entry, memory-mapped; `complete` adds what the partial file lacks.

    Raises:
        RunStopped: `should_stop` returned True while another process computed the rows.
    """
    partial, file = name_partial(workspace, entry), workspace.features_file(entry.id)
    return kept.keep_rows(file, partial, entry.facts, complete, should_stop)


ViewKind = Literal["pooled", "conv4"]

FRAMED = "photos"

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ViewSource:
    """The facts of a view that decide the row of a photo, in any dataset."""

    kind: ViewKind
    backbone: str
    precision: str
    policy: str
    """The fingerprint of the augmentation policy; empty without augmentation."""
    seed: int
    number: int
    """Number of the draw, from 0."""

    @property
    def form(self) -> RowForm:
        """The form of a row."""
        return POOLED if self.kind == "pooled" else CONV4

    @property
    def facts(self) -> dict[str, Any]:
        """The facts in the file of the rows."""
        return {
            "view": self.kind,
            "version": _VERSION,
            "backbone": self.backbone,
            "precision": self.precision,
            "policy": self.policy,
            "seed": self.seed,
            "number": self.number,
        }


def describe_photos(framing: Framing, dataset_id: str) -> Entry:
    """Return the cache entry of all photos of a dataset with this framing."""
    facts = {"view": FRAMED, "version": _VERSION, "dataset": dataset_id}
    facts |= {"framing": framing.how, "photo_size": PHOTO_SIZE}
    return Entry(id=fingerprint(facts), facts=facts, form=PHOTOS)


def describe_view(source: ViewSource, dataset_id: str, photos: np.ndarray) -> Entry:
    """Return the cache entry of a view of these photos (m,) int of a dataset."""
    rows = np.ascontiguousarray(photos, dtype="<i8")
    facts = {**source.facts, "dataset": dataset_id}
    identifier = fingerprint({**facts, "photos": hashlib.sha256(rows.tobytes()).hexdigest()})
    return Entry(id=identifier, facts={**facts, "photos": rows.tolist()}, form=source.form)
