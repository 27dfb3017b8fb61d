"""Features by units: parts of 512 photos, computed by any worker, gathered by who wants them.

The rows of a part are the same bits whoever computes them in the same precision: batches have one
size, a photo knows nothing of its neighbours. A part is a piece in storage (core/sharing.py).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from core.config import PHOTO_SIZE
from core.errors import DatasetMissing
from core.pieces import ROWS, Piece
from core.runs.database import wait_for_database
from core.runs.queue.units import (
    Job,
    Unit,
    claim_unit,
    finish_unit,
    forget_units,
    hold_unit,
    list_jobs,
    list_results,
    prepare_units,
    read_progress,
    want_job,
)
from core.sharing import Sharing, open_sharing
from core.workspace import Workspace
from data.dataset import PHOTOS, Dataset
from models.backbone import Backbone, open_backbone
from models.devices import find_device
from models.extraction import compute_features, copy_features, features_id, read_features
from models.keeping import report_stop
from models.rows import Donors
from models.weights import Weights, find_weights

if TYPE_CHECKING:
    from core.runs.training.preparing import Preparation

KIND = "features"
"""Of these jobs."""
_WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class PartExtractor:
    """What computes the units of a job."""

    workspace: Workspace
    sharing: Sharing
    backbone: Backbone
    read: Callable[[int], np.ndarray]
    """Number of a part → its photos (m, 224, 224, 3) uint8."""
    parts: list[int]
    """Unit → number of its part: of ROWS photos, in the order of the dataset."""

    def __call__(self, unit: Unit) -> None:
        """Compute a unit, and note the piece that its rows are."""
        rows = compute_features(self.backbone, self.read(self.parts[unit.number]))
        piece = self.sharing.write_piece(rows.tobytes())
        finish_unit(self.workspace, unit, f"{piece.sha256} {piece.size}")


def gather_features(
    by: "Preparation", dataset: Dataset, backbone: Backbone, weights: Weights, donors: Donors
) -> np.ndarray:
    """Return the features (n, 2048) float32 of all photos, memory-mapped, with whoever helps.

    Raises:
        RunStopped: It was to stop; what is done is kept for the next call.
        StorageFailed: Storage gives up; the same.
    """
    workspace, facts = by.workspace, backbone.facts
    sharing = open_sharing(workspace)
    assert sharing is not None
    wait_for_database()
    sharing.push(f"datasets/{dataset.id}")
    sharing.push(f"backbones/{facts.id}")
    job = _prepare_job(workspace, dataset, backbone, weights, donors)
    extractor = PartExtractor(
        workspace=workspace,
        sharing=sharing,
        backbone=backbone,
        read=lambda part: dataset.photos[part * ROWS : (part + 1) * ROWS],
        parts=job.facts["parts"],
    )
    _work_on(by, job.id, extractor)
    pieces = [line.split() for line in list_results(workspace, job.id)]
    if len(pieces) != len(extractor.parts):  # another who wanted them was faster
        kept = read_features(workspace, job.id)
        return gather_features(by, dataset, backbone, weights, donors) if kept is None else kept
    read = (sharing.read_piece(Piece(sha256, int(size))) for sha256, size in pieces)
    if not all(sharing.storage.has(Piece(sha256, 0).name) for sha256, _ in pieces):
        forget_units(workspace, job.id)  # somebody deleted some: they are computed again
        return gather_features(by, dataset, backbone, weights, donors)
    with _join(workspace, read, extractor.parts, facts.width, donors) as known:
        values = copy_features(
            workspace,
            dataset_id=dataset.id,
            backbone_id=facts.id,
            precision=facts.precision,
            donors=known,
        )
    forget_units(workspace, job.id)
    return values


def join_job(workspace: Workspace, job: Job) -> PartExtractor | None:
    """Return what computes units of a job that is another's; None where it would be otherwise.

    Raises:
        BackboneMissing, WeightsMissing: What it is computed with is neither here nor in storage.
        DatasetMissing: Its photos are not in storage.
    """
    sharing, facts = open_sharing(workspace), job.facts
    if sharing is None:
        return None
    if find_device().kind == "gpu":
        from models.keras_backbone import open_keras_backbone

        weights = find_weights(workspace, facts["weights"])
        backbone: Backbone = open_keras_backbone(weights, facts["preprocessing"])
    else:
        backbone = open_backbone(workspace, facts["backbone"], purpose="throughput")
    if (backbone.facts.id, backbone.facts.precision) != (facts["backbone"], facts["precision"]):
        return None
    name = f"datasets/{facts['dataset']}"
    record = sharing.read_record(name)
    if record is None:
        raise DatasetMissing(f"Storage has no dataset {facts['dataset']}.", "Look who deleted it.")
    pieces = record[f"{name}/{PHOTOS}"].pieces[1:]  # behind the header

    def read(part: int) -> np.ndarray:
        photos = np.frombuffer(sharing.read_piece(pieces[part]), np.uint8)
        return photos.reshape(-1, PHOTO_SIZE, PHOTO_SIZE, 3)

    return PartExtractor(
        workspace=workspace, sharing=sharing, backbone=backbone, read=read, parts=facts["parts"]
    )


def _prepare_job(
    workspace: Workspace, dataset: Dataset, backbone: Backbone, weights: Weights, donors: Donors
) -> Job:
    """Return the job of what no donor knows; one that is there goes on."""
    facts = backbone.facts
    job = features_id(dataset.id, facts.id, facts.precision)
    parts = np.unique(donors.find_unknown(0) // ROWS).tolist()
    there = next((one for one in list_jobs(workspace) if one.id == job), None)
    if there is not None and not {*parts} <= {*there.facts["parts"]}:  # a donor is gone since
        forget_units(workspace, job)
    sizes = [min(ROWS, len(dataset) - part * ROWS) for part in parts]
    about: dict[str, Any] = {"dataset": dataset.id, "parts": parts}
    about |= {"backbone": facts.id, "precision": facts.precision}
    about |= {"weights": weights.name, "preprocessing": facts.preprocessing}
    prepare_units(workspace, job, sizes, KIND, about)
    made = next((one for one in list_jobs(workspace) if one.id == job), None)
    return made or _prepare_job(workspace, dataset, backbone, weights, donors)  # another ended it


def _work_on(by: "Preparation", job: str, do: PartExtractor) -> None:
    """Return when all units of a job are done, here and elsewhere."""
    owner, start, before = token_hex(8), time.perf_counter(), None
    while True:
        done, total = read_progress(by.workspace, job)
        before = done if before is None else before
        speed = (done - before) / (time.perf_counter() - start)
        left = (total - done) / speed if speed else None
        by.listener.tell_progress(done, total, per_second=speed, seconds_left=left)
        if done == total:
            return
        if by.should_stop():
            raise report_stop()
        want_job(by.workspace, job)
        unit = claim_unit(by.workspace, job, owner)
        if unit is None:
            time.sleep(_WAIT_S)  # others are at the last parts
            continue
        with hold_unit(by.workspace, unit, owner):
            do(unit)


@contextmanager
def _join(
    workspace: Workspace, pieces: Iterator[bytes], parts: list[int], width: int, donors: Donors
) -> Iterator[Donors]:
    """Yield the donors with one more, of what the pieces hold: in a file, as they may be many."""
    file = workspace.temporary / f"gathered-{token_hex(8)}"
    try:
        with file.open("wb") as out:
            for piece in pieces:
                out.write(piece)
        rows = np.memmap(file, np.float32, "r").reshape(-1, width)
        source, row = donors.source.copy(), donors.row.copy()
        start = 0
        for part in parts:
            photos = np.arange(part * ROWS, min((part + 1) * ROWS, len(donors)))
            new = source[photos] < 0
            source[photos[new]] = len(donors.features)
            row[photos[new]] = (start + np.arange(len(photos)))[new]
            start += len(photos)
        yield Donors(features=(*donors.features, rows), source=source, row=row)
    finally:
        file.unlink(missing_ok=True)
