"""Features of all photos of a dataset: computed once, kept, and continued after an interruption.

features/<id>.npy holds (n, 2048) float32, <id>.json what it is and its digest. Until all rows are
there they are appended to a hidden file beside it, from which the next call goes on. Rows that
other features hold already (models/donors.py) are copied.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from core.config import fingerprint
from core.errors import RunStopped, WeightsDamaged
from core.workspace import Workspace, digest_file, write_atomically, write_whole
from models.backbone import Backbone
from models.digests import digest_once
from models.donors import Donors, find_no_donors
from models.rows import keep_whole_rows, read_batches, read_header

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ExtractionProgress:
    """How far an extraction is; the speed is that of this call, without what was there before."""

    done: int
    total: int
    photos_per_second: float
    seconds_left: float


def features_id(dataset_id: str, backbone_id: str, precision: str) -> str:
    """Returns the id of the features of a dataset's photos by a backbone."""
    return fingerprint(
        {
            "features": "pooled",
            "version": _VERSION,
            "dataset": dataset_id,
            "backbone": backbone_id,
            "precision": precision,
        }
    )


def read_features(workspace: Workspace, features_id: str) -> np.ndarray | None:
    """Returns the features (n, 2048) float32, memory-mapped; None when missing or altered."""
    file = workspace.features_file(features_id)
    try:
        facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        if digest_once(file) != facts["sha256"]:
            return None
    except (FileNotFoundError, ValueError, KeyError):
        return None
    features: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    return features


def extract_features(
    workspace: Workspace,
    *,
    dataset_id: str,
    photos_file: Path,
    backbone: Backbone,
    donors: Donors | None = None,
    on_progress: Callable[[ExtractionProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Returns the features (n, 2048) float32 of all photos, memory-mapped; computed if not kept.

    Args:
        photos_file: .npy of (n, 224, 224, 3) uint8.
        donors: Rows that are known, of the same backbone and precision; only the rest is computed.
        should_stop: Asked after each batch; what is done by then is kept for the next call.

    Raises:
        RunStopped: `should_stop` said so.
        ResultDamaged: The file of photos was cut short.
        WeightsDamaged: The backbone gives features that are not finite.
    """
    stop = should_stop or (lambda: False)
    facts = {"dataset": dataset_id, "backbone": backbone.facts.id}

    def complete(partial: Path) -> None:
        with photos_file.open("rb") as photos, partial.open("a+b", buffering=0) as rows:
            total = read_header(photos, photos_file)
            known = donors or find_no_donors(total)
            _compute_rows(rows, photos, known, backbone, on_progress or _report_nothing, stop)

    return _keep(workspace, {**facts, "precision": backbone.facts.precision}, complete, stop)


def copy_features(
    workspace: Workspace, *, dataset_id: str, backbone_id: str, precision: str, donors: Donors
) -> np.ndarray:
    """Returns the features (n, 2048) float32 of photos that are all known, memory-mapped.

    No backbone is opened: this takes a second where an extraction takes minutes.
    """
    assert not len(donors.find_unknown(0))

    def complete(partial: Path) -> None:
        with partial.open("a+b", buffering=0) as rows:
            donors.write_rows(rows, keep_whole_rows(rows, len(donors)), len(donors))

    facts = {"dataset": dataset_id, "backbone": backbone_id, "precision": precision}
    return _keep(workspace, facts, complete, lambda: False)


def _keep(
    workspace: Workspace,
    facts: dict[str, str],
    complete: Callable[[Path], None],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Returns the features of these facts; when missing, `complete` has made their partial file."""
    identifier = features_id(facts["dataset"], facts["backbone"], facts["precision"])
    file = workspace.features_file(identifier)
    with _hold(file.with_name(f".{identifier}.lock"), should_stop):
        kept = read_features(workspace, identifier)
        if kept is None:
            partial = file.with_name(f".{identifier}.part")
            complete(partial)
            _publish(partial, file, facts)
            kept = read_features(workspace, identifier)
    assert kept is not None
    return kept


def _compute_rows(
    rows: BinaryIO,
    photos: BinaryIO,
    donors: Donors,
    backbone: Backbone,
    report: Callable[[ExtractionProgress], None],
    should_stop: Callable[[], bool],
) -> None:
    """Returns nothing; the rows of all photos stand in the partial file, in order."""
    done = keep_whole_rows(rows, len(donors))
    unknown = donors.find_unknown(done)
    computed, start = 0, time.perf_counter()
    for features in backbone.stream(read_batches(photos, unknown, backbone.batch_size)):
        if not np.isfinite(features).all():
            raise WeightsDamaged(
                "The backbone gives features that are not finite numbers.",
                "Use other weights: these are damaged or were not trained for ResNet-50.",
                backbone=backbone.facts.id,
            )
        batch = unknown[computed : computed + len(features)]
        for photo, row in zip(batch.tolist(), features, strict=True):
            donors.write_rows(rows, done, photo)
            write_whole(rows, row.tobytes())
            done = photo + 1
        computed += len(batch)
        speed = computed / (time.perf_counter() - start)
        report(
            ExtractionProgress(
                done=done,
                total=len(donors),
                photos_per_second=speed,
                seconds_left=(len(unknown) - computed) / speed,
            )
        )
        if should_stop():
            raise _stopped()
    donors.write_rows(rows, done, len(donors))


def _publish(partial: Path, file: Path, facts: dict[str, str]) -> None:
    """Returns nothing; the complete file has its name, and what it is stands beside it."""
    with partial.open("rb") as rows:
        os.fsync(rows.fileno())
    content = {**facts, "version": _VERSION, "sha256": digest_file(partial)}
    partial.replace(file)
    with write_atomically(file.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


@contextmanager
def _hold(lock_file: Path, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Yields when no other process extracts the same features."""
    lock = FileLock(lock_file)
    while True:
        try:
            with lock.acquire(timeout=0.5):
                yield
                return
        except Timeout:
            if should_stop():
                raise _stopped() from None


def _stopped() -> RunStopped:
    return RunStopped(
        "The extraction of features was stopped.",
        "Start the run again: it goes on with the photos that are left.",
    )


def _report_nothing(progress: ExtractionProgress) -> None:
    """Serves callers who do not watch."""
