"""What spoke for a class in a photo of a dataset, from the last map of the backbone.

Maps are kept when first wanted: maps/<dataset>/<backbone>-<precision>/<photo>.map, a digest and the
map in float16, never changed, so threads and processes need no lock. A full disk costs only time.
"""

import contextlib
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.config import PHOTO_SIZE
from core.errors import PhotoRefused, ReadOnly
from core.prediction.gradcam import measure_evidence, scale_evidence
from core.prediction.predictor import open_run_backbone
from core.runs.result import RunResult, check_order, read_result, read_run_head
from core.workspace import Workspace, write_atomically
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import Backbone, BackboneFacts
from models.dense import DenseHead

_VERSION = 1
_DIGEST_BYTES = 16
_HALF = np.dtype("<f2")
_HIGHEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class KeptMaps:
    """The maps of a dataset's photos by one backbone, as many as somebody wanted."""

    folder: Path
    dataset_folder: Path | None = None
    """Of the dataset whose photos these are; nothing is kept once it is gone."""
    places: int = PHOTO_SIZE // 32

    def read(self, photo: int) -> np.ndarray | None:
        """Return the map of a photo, (7, 7, 2048) float16; None where none is kept, whole."""
        try:
            content = self._file(photo).read_bytes()
        except OSError:
            return None
        digest, values = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != self._digest(photo, values):
            return None
        return np.frombuffer(values, _HALF).reshape(self.places, self.places, -1)

    def keep(self, photo: int, last_map: np.ndarray) -> None:
        """Keep the map (7, 7, 2048), none below 0, if there is room and float16 can hold it."""
        if not last_map.max() <= _HIGHEST:
            return
        if self.dataset_folder is not None and not self.dataset_folder.exists():
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
        """Return the digest of a map that is this photo's, of this dataset and backbone."""
        name = f"{_VERSION}/{self.folder.parent.name}/{self.folder.name}/{photo}".encode()
        return hashlib.blake2b(values, digest_size=_DIGEST_BYTES, key=name[:64]).digest()


def find_kept_maps(workspace: Workspace, dataset_id: str, backbone: BackboneFacts) -> KeptMaps:
    """Return the kept maps of a dataset's photos by a backbone."""
    folder = workspace.maps_folder(dataset_id) / f"{backbone.id}-{backbone.precision}"
    places = backbone.framing.side // 32
    return KeptMaps(folder, workspace.dataset_folder(dataset_id), places)


class MapReader:
    """A compiled backbone, and the maps by it that are kept."""

    def __init__(self, workspace: Workspace, backbone: Backbone) -> None:
        self._workspace = workspace
        self.backbone = backbone
        self._turn = threading.Lock()
        self._ahead: list[tuple[Dataset, int, np.ndarray]] = []
        self._fetching: threading.Thread | None = None
        self._guard = threading.Lock()

    @property
    def backbone_facts(self) -> BackboneFacts:
        """Weights, preprocessing and precision behind the maps."""
        return self.backbone.facts

    def read(self, dataset: Dataset, photos: Sequence[int]) -> np.ndarray:
        """Return the last maps of photos of a dataset, (m, 7, 7, 2048) float32.

        Each takes 0.4 MB of memory and 0.2 MB of disk.
        """
        kept = find_kept_maps(self._workspace, dataset.id, self.backbone_facts)
        maps = [self._read_one(dataset, int(photo), kept) for photo in photos]
        return np.stack(maps)

    def fetch_ahead(self, dataset: Dataset, photos: Sequence[int]) -> None:
        """Return at once; a thread keeps the maps of these photos, instead of earlier wishes.

        The photos are read here: NumPy parses the head of their file, and parsers of CPython 3.11
        in two threads can fail (SystemError: AST constructor recursion depth mismatch).
        """
        wishes = []
        # The dataset may be deleted meanwhile; whoever asks for a photo of it will hear of it.
        with contextlib.suppress(OSError, ValueError, PhotoRefused):
            framing = self.backbone_facts.framing
            wishes = [
                (dataset, int(photo), dataset.read_photo(int(photo), framing)) for photo in photos
            ]
        with self._guard:
            self._ahead = wishes
            # A thread that ended in an error is not waited for.
            if self._ahead and not (self._fetching and self._fetching.is_alive()):
                self._fetching = threading.Thread(
                    target=self._fetch, name="maps ahead", daemon=True
                )
                self._fetching.start()

    def _read_one(
        self,
        dataset: Dataset,
        photo: int,
        kept: KeptMaps,
        packed: np.ndarray | None = None,
    ) -> np.ndarray:
        found = kept.read(photo)
        if found is not None:
            kept_map: np.ndarray = found.astype(np.float32)
            return kept_map
        if packed is None:
            packed = dataset.read_photo(photo, self.backbone_facts.framing)
        with self._turn:
            computed = self.backbone.look(packed[None]).maps[0]
        kept.keep(photo, computed)
        with np.errstate(over="ignore"):
            rounded: np.ndarray = computed.astype(np.float16).astype(np.float32)
        return rounded if bool(np.isfinite(rounded).all()) else computed

    def _fetch(self) -> None:
        while True:
            with self._guard:
                if not self._ahead:
                    self._fetching = None
                    return
                dataset, photo, packed = self._ahead.pop(0)
            kept = find_kept_maps(self._workspace, dataset.id, self.backbone_facts)
            self._read_one(dataset, photo, kept, packed)


def open_map_reader(workspace: Workspace, run_id: str, result: RunResult) -> MapReader:
    """Return the reader of maps by the backbone of a run; a fine-tuned run has its own."""
    return MapReader(workspace, open_run_backbone(workspace, run_id, result.backbone_id))


@dataclass(frozen=True, kw_only=True, eq=False)
class Explainer:
    """The dataset, the answers, the head and the maps of one run."""

    dataset: Dataset
    result: RunResult
    head: DenseHead
    maps: MapReader

    def read_photo(self, photo: int) -> np.ndarray:
        """Return a photo of the dataset as the backbone sees it, (224, 224, 3) uint8 RGB."""
        return self.dataset.read_photo(photo, self.maps.backbone_facts.framing)

    def measure(self, photo: int, classes: Sequence[int]) -> np.ndarray:
        """Return what each place of a photo adds to the logit of each class, times 49.

        (c, 7, 7) float32, below 0 where it speaks against the class. With a linear head its mean
        is the logit but for a constant; with hidden layers it is how the logit begins to change.
        """
        last_map = self.maps.read(self.dataset, [photo])[0]
        pooled = last_map.mean(axis=(0, 1))
        numbers = np.asarray(classes, dtype=np.int64)
        features = np.broadcast_to(pooled, (len(numbers), len(pooled)))
        return measure_evidence(last_map, self.head.logit_gradient(features, numbers))

    def explain(self, photo: int, classes: Sequence[int]) -> np.ndarray:
        """Return the evidence for each class, (c, 7, 7) float32 in [0, 1]; see `scale_evidence`."""
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
    return Explainer(
        dataset=dataset,
        result=result,
        head=read_run_head(workspace, run_id),
        maps=open_map_reader(workspace, run_id, result),
    )
