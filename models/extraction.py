"""Extraction: the rows of photos by a network, computed once, cached, resumed when interrupted.

Features are of all photos without changes; a view (models/rows.py) is of some, augmented.
A packed network computes them in a process without a workspace.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np

from core.config import fingerprint
from core.errors import RecipeRefused, WeightsDamaged
from core.kept import report_stop
from core.workspace import Workspace, write_whole
from models.backbone import BackboneFacts, Network, Purpose, Trunk, open_backbone
from models.rows import (
    Change,
    Donors,
    Entry,
    RowForm,
    are_finite,
    change_batches,
    count_partial_rows,
    find_no_donors,
    keep_rows,
    keep_whole_rows,
    read_batches,
    read_header,
)
from models.weights import Weights

_VERSION = 1


Tell = Callable[[int, int, int, float], None]
"""Receives the finished photos, all photos, those that still have to go through the network (others
are copied), and the photos per second of this call."""
Ask = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Photos:
    """Packed photos and their augmentation."""

    file: Path
    """.npy of (n, 224, 224, 3) uint8."""
    numbers: np.ndarray | None = None
    """(m,) int: the photo of each row; None: all photos."""
    change: Change | None = None
    """Augmentation, or None."""
    threads: int = 1
    """Number of threads for augmentation."""


def features_id(dataset_id: str, backbone_id: str, precision: str) -> str:
    """Return the id of the features of a dataset's photos by a backbone."""
    return fingerprint({"features": "pooled", **_list_facts(dataset_id, backbone_id, precision)})


def _list_facts(dataset_id: str, backbone_id: str, precision: str) -> dict[str, Any]:
    return {
        "dataset": dataset_id,
        "backbone": backbone_id,
        "precision": precision,
        "version": _VERSION,
    }


def describe_features(dataset_id: str, backbone: BackboneFacts, precision: str) -> Entry:
    """Return the cache entry of the features (n, d) float32 of all photos of a dataset."""
    return Entry(
        id=features_id(dataset_id, backbone.id, precision),
        facts=_list_facts(dataset_id, backbone.id, precision),
        form=np.dtype(("<f4", (backbone.width,))),
    )


def copy_rows(workspace: Workspace, entry: Entry, donors: Donors) -> np.ndarray:
    """Return the rows of an entry, memory-mapped, copied from donors that know all of them."""
    assert not len(donors.find_unknown(0))

    def complete(partial: Path) -> None:
        with partial.open("a+b", buffering=0) as rows:
            done = keep_whole_rows(rows, len(donors), entry.form)
            donors.write_rows(rows, done, len(donors))

    return keep_rows(workspace, entry, complete, lambda: False)


def extract_rows(
    workspace: Workspace,
    entry: Entry,
    photos: Photos,
    network: Network,
    donors: Donors | None = None,
    on_progress: Tell = lambda *_: None,
    should_stop: Ask = lambda: False,
) -> np.ndarray:
    """Return the rows of an entry, memory-mapped; computed if they are not cached.

    Args:
        donors: Known rows of the same network and precision; only the rest is computed.
        should_stop: Asked after each batch; finished rows stay for the next call.

    Raises:
        RunStopped: `should_stop` returned True.
        ResultDamaged: The file of photos is damaged.
        WeightsDamaged: Features are not finite.
        RecipeRefused: Activations are too large for float16.
    """

    def complete(partial: Path) -> None:
        with photos.file.open("rb") as packed, partial.open("a+b", buffering=0) as rows:
            total = read_header(packed, photos.file)
            numbers = np.arange(total) if photos.numbers is None else photos.numbers
            known = donors or find_no_donors(len(numbers))
            done = keep_whole_rows(rows, len(numbers), entry.form)
            wanted = numbers[known.find_unknown(done)]
            read = read_batches(packed, wanted, network.batch_size)
            batches = (batch for batch, _ in read)
            if photos.change is not None:
                batches = change_batches(read, photos.change, photos.threads)
            with closing(batches) as changed:
                computed = _check(network.stream(changed), entry.form)
                _append_rows(rows, done, computed, known, on_progress, should_stop)

    wait = _watch(workspace, entry, photos, on_progress, should_stop)
    return keep_rows(workspace, entry, complete, wait)


def _watch(
    workspace: Workspace, entry: Entry, photos: Photos, on_progress: Tell, should_stop: Ask
) -> Ask:
    """Return `should_stop`, which also reports the rows that another process has computed."""
    first, start = count_partial_rows(workspace, entry), time.perf_counter()

    def wait() -> bool:
        done = count_partial_rows(workspace, entry)
        if done > first:
            every = photos.numbers
            if every is None:
                every = np.load(photos.file, mmap_mode="r")
            speed, left = (done - first) / (time.perf_counter() - start), len(every) - done
            on_progress(done, len(every), left, speed)
        return should_stop()

    return wait


def _check(batches: Iterator[np.ndarray], form: RowForm) -> Iterator[np.ndarray]:
    for rows in batches:
        broken = not are_finite(rows)
        if broken and rows.dtype == np.float16:
            raise RecipeRefused(
                "With these weights the activations of conv4 exceed 65,504, the limit of float16.",
                "Choose the strategy “full” or “head”, or other weights.",
                field="strategy",
            )
        if broken:
            raise WeightsDamaged(
                "The features of the backbone are not finite.",
                "Use other weights: these are damaged or not of ResNet-50.",
            )
        assert (rows.shape[1:], rows.dtype) == (form.shape, form.base)
        yield rows


def _append_rows(
    file: BinaryIO,
    done: int,
    computed: Iterator[np.ndarray],
    donors: Donors,
    on_progress: Tell,
    should_stop: Ask,
) -> None:
    """Append all rows to the partial file in order, computed or copied."""
    unknown, seen, start = donors.find_unknown(done), 0, time.perf_counter()
    for batch in computed:
        for photo, row in zip(unknown[seen : seen + len(batch)].tolist(), batch, strict=True):
            donors.write_rows(file, done, photo)
            write_whole(file, row.tobytes())
            done = photo + 1
        seen += len(batch)
        speed = seen / (time.perf_counter() - start)
        on_progress(done, len(donors), len(unknown) - seen, speed)
        if should_stop():
            raise report_stop()
    donors.write_rows(file, done, len(donors))


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedNetwork:
    """A trunk or backbone for another process."""

    facts: BackboneFacts
    files: Mapping[str, np.ndarray]
    """Name → bytes of its files, or of its weights."""
    weights: Weights | None = None
    """Weights for Keras, on GPUs; None: it runs in OpenVINO."""
    is_trunk: bool = False
    purpose: Purpose = "throughput"

    def open(self) -> Trunk:
        """Return the network; a process caches the last one."""
        key = f"{self.facts.id} {self.is_trunk} {self.purpose}"
        if key not in _opened:
            _opened.clear()
            with TemporaryDirectory(prefix="petalscope-") as folder:
                _opened[key] = self._open(Workspace(Path(folder)))
        return _opened[key]

    def _open(self, workspace: Workspace) -> Trunk:
        place = workspace.backbone_folder(self.facts.id)
        place.mkdir(parents=True)
        for name, content in self.files.items():
            content.tofile(place / name)
        if self.weights is not None:
            from models.keras_backbone import open_keras_backbone

            weights = replace(self.weights, file=next(place.iterdir(), None))
            backbone = open_keras_backbone(weights, self.facts.preprocessing, self.facts.framing)
            return backbone.trunk if self.is_trunk else backbone
        return open_backbone(workspace, self.facts.id, purpose=self.purpose, is_trunk=self.is_trunk)


_opened: dict[str, Trunk] = {}


def pack_network(workspace: Workspace, facts: BackboneFacts, **how: Any) -> PackedNetwork:
    """Return a backbone of the workspace, or its trunk, for OpenVINO."""
    files = sorted(workspace.backbone_folder(facts.id).iterdir())
    contents = {file.name: np.fromfile(file, np.uint8) for file in files}
    return PackedNetwork(facts=facts, files=contents, **how)
