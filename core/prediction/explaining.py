"""Grad-CAM for the photos of a dataset, from the last map of the backbone; else occlusion.

In place of a map, occlusion has the rows of the covered photos, (9, 9, d). Maps are cached on
demand: maps/<dataset>/<backbone>-<precision>/<photo>.map holds a digest and the map in float16,
and never changes, so threads and processes need no lock.
"""

import contextlib
import hashlib
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import PhotoRefused, ReadOnly
from core.prediction.gradcam import (
    OCCLUDED,
    measure_evidence,
    measure_occlusion,
    occlude_photo,
    scale_evidence,
)
from core.prediction.predictor import open_run_backbone
from core.runs.result import RunResult, check_model, check_order, read_result, read_run_head
from core.workspace import Workspace, write_atomically
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import Backbone, BackboneFacts
from models.catalogue import FEATURE_WIDTH
from models.dense import DenseHead

_VERSION = 1
_DIGEST_BYTES = 16
_HALF = np.dtype("<f2")
_HIGHEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class CachedMaps:
    """The cached maps of a dataset's photos by one backbone."""

    folder: Path
    width: int = FEATURE_WIDTH
    """Numbers in a place."""
    dataset_folder: Path | None = None
    """Of the dataset; nothing is cached once it is deleted."""

    def read(self, photo: int) -> np.ndarray | None:
        """Return the map of a photo, (h, h, d) float16; None without an intact one."""
        try:
            content = self._file(photo).read_bytes()
        except OSError:
            return None
        digest, values = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != self._digest(photo, values):
            return None
        numbers = np.frombuffer(values, _HALF).reshape(-1, self.width)
        side = math.isqrt(len(numbers))
        return numbers.reshape(side, side, self.width)

    def write(self, photo: int, last_map: np.ndarray) -> None:
        """Cache the map (h, h, d) if float16 can hold it and the disk has room."""
        is_deleted = self.dataset_folder is not None and not self.dataset_folder.exists()
        is_square = last_map.shape[0] == last_map.shape[1]
        if is_deleted or not is_square or not np.abs(last_map).max() <= _HIGHEST:
            return
        values = last_map.astype(_HALF).tobytes()
        with (
            contextlib.suppress(OSError, ReadOnly),
            write_atomically(self._file(photo)) as temporary,
        ):
            temporary.write_bytes(self._digest(photo, values) + values)

    def _file(self, photo: int) -> Path:
        return self.folder / f"{photo}.map"

    def _digest(self, photo: int, values: bytes) -> bytes:
        """Return the digest of a map; another photo, dataset or backbone has another digest."""
        name = f"{_VERSION}/{self.folder.parent.name}/{self.folder.name}/{photo}".encode()
        return hashlib.blake2b(values, digest_size=_DIGEST_BYTES, key=name[:64]).digest()


def find_cached_maps(workspace: Workspace, dataset_id: str, backbone: BackboneFacts) -> CachedMaps:
    """Return the cached maps of a dataset's photos by a backbone."""
    folder = workspace.maps_folder(dataset_id) / f"{backbone.id}-{backbone.precision}"
    return CachedMaps(folder, backbone.width, workspace.dataset_folder(dataset_id))


class MapReader:
    """A compiled backbone with its cached maps."""

    def __init__(self, workspace: Workspace, backbone: Backbone) -> None:
        self._workspace = workspace
        self.backbone = backbone
        self._turn = threading.Lock()
        self._newest = object()
        """The newest request of `fetch_ahead`."""

    @property
    def backbone_facts(self) -> BackboneFacts:
        """Weights, preprocessing and precision behind the maps."""
        return self.backbone.facts

    def read(self, dataset: Dataset, photo: int) -> np.ndarray:
        """Return the last map of a photo of a dataset, (h, w, d) float32."""
        cached = find_cached_maps(self._workspace, dataset.id, self.backbone_facts).read(photo)
        if cached is not None:
            return np.asarray(cached, dtype=np.float32)
        return self._compute(dataset, photo, dataset.read_photo(photo, self.backbone_facts.framing))

    def fetch_ahead(self, dataset: Dataset, photos: Sequence[int]) -> None:
        """Start a thread that caches the maps of these photos; it replaces earlier requests.

        The photos are read here: NumPy parses the head of their file, and parsers of CPython 3.11
        in two threads can fail (SystemError: AST constructor recursion depth mismatch).
        """
        framing = self.backbone_facts.framing
        cached = find_cached_maps(self._workspace, dataset.id, self.backbone_facts)
        ahead = []
        with contextlib.suppress(OSError, ValueError, PhotoRefused):  # deleted in between
            missing = [photo for photo in map(int, photos) if cached.read(photo) is None]
            ahead = [(dataset, photo, dataset.read_photo(photo, framing)) for photo in missing]
        self._newest = request = object()

        def fetch() -> None:
            for one in ahead:
                if self._newest is request:
                    self._compute(*one)

        threading.Thread(target=fetch, name="maps ahead", daemon=True).start()

    def _compute(self, dataset: Dataset, photo: int, packed: np.ndarray) -> np.ndarray:
        """Return the map of a packed photo, rounded as the cached one."""
        with self._turn:
            if self.backbone_facts.has_map:
                computed = self.backbone.look(packed[None]).maps[0]
            else:
                rows = self.backbone.look(occlude_photo(packed)).features
                computed = rows.reshape(OCCLUDED, OCCLUDED, -1)
        find_cached_maps(self._workspace, dataset.id, self.backbone_facts).write(photo, computed)
        with np.errstate(over="ignore"):
            rounded: np.ndarray = computed.astype(np.float16).astype(np.float32)
        return rounded if bool(np.isfinite(rounded).all()) else computed


def open_map_reader(workspace: Workspace, run_id: str, result: RunResult) -> MapReader:
    """Return the reader of maps by the backbone of a run."""
    return MapReader(workspace, open_run_backbone(workspace, run_id, result.backbone_id))


@dataclass(frozen=True, kw_only=True, eq=False)
class Explainer:
    """The dataset, the result, the head and the maps of one run."""

    dataset: Dataset
    result: RunResult
    head: DenseHead
    maps: MapReader

    def read_photo(self, photo: int) -> np.ndarray:
        """Return a photo of the dataset as the backbone sees it, (224, 224, 3) uint8 RGB."""
        return self.dataset.read_photo(photo, self.maps.backbone_facts.framing)

    def measure(self, photo: int, classes: Sequence[int]) -> np.ndarray:
        """Return the contribution of each place of a photo to the logit of each class, (c, h, w).

        Times h * w, float32. With a linear head its mean is the logit without a constant; with
        hidden layers it is the logit's first derivative. Without a map, see `measure_occlusion`.
        """
        last_map = self.maps.read(self.dataset, photo)
        numbers = np.asarray(classes, dtype=np.int64)
        if not self.maps.backbone_facts.has_map:
            covered = self.head.scores(last_map.reshape(-1, last_map.shape[-1]))
            return measure_occlusion(self.result.scores[photo, numbers], covered[:, numbers])
        pooled = last_map.mean(axis=(0, 1))
        features = np.broadcast_to(pooled, (len(numbers), len(pooled)))
        return measure_evidence(last_map, self.head.logit_gradient(features, numbers))

    def explain(self, photo: int, classes: Sequence[int]) -> np.ndarray:
        """Return the evidence for each class, (c, h, w) float32 in [0, 1]; see `scale_evidence`."""
        return scale_evidence(self.measure(photo, classes))


def open_explainer(workspace: Workspace, run_id: str) -> Explainer:
    """Return the explainer of a finished run.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was altered, or its photos are not those of its dataset.
        DatasetMissing: Its dataset was deleted.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
    """
    result = read_result(workspace, run_id)
    dataset = read_dataset(workspace, result.dataset_id)
    check_order(result, dataset)
    check_model(result, run_id)
    return Explainer(
        dataset=dataset,
        result=result,
        head=read_run_head(workspace, run_id),
        maps=open_map_reader(workspace, run_id, result),
    )
