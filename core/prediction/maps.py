"""The last maps of a dataset's photos: computed when somebody wants to see them, then kept.

What is given is the same whether it was computed now or kept: in the precision of float16. A reader
is opened once for all runs on a backbone; several threads may ask it.
"""

import contextlib
import threading
from collections.abc import Sequence

import numpy as np

from core.prediction.kept_maps import KeptMaps, find_kept_maps
from core.prediction.predictor import open_run_backbone
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import Backbone, BackboneFacts


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

    def read(self, dataset: Dataset, photos: Sequence[int], *, keep: bool = True) -> np.ndarray:
        """Returns the last maps of photos of a dataset, (m, 7, 7, 2048) float32.

        Args:
            dataset: Holds the photos.
            photos: (m,) photo numbers; a map takes 0.4 MB of memory.
            keep: Whether what is computed now is kept: 0.2 MB of disk a photo.
        """
        kept = find_kept_maps(self._workspace, dataset.id, self.backbone_facts)
        maps = [self._read_one(dataset, int(photo), kept, keep) for photo in photos]
        return np.stack(maps)

    def fetch_ahead(self, dataset: Dataset, photos: Sequence[int]) -> None:
        """Returns at once; a thread keeps the maps of these photos, instead of earlier wishes.

        The photos are read here: NumPy parses the head of their file, and parsers of CPython 3.11
        in two threads can fail (SystemError: AST constructor recursion depth mismatch).
        """
        wishes = []
        # The dataset may be deleted meanwhile; whoever asks for a photo of it will hear of it.
        with contextlib.suppress(OSError, ValueError):
            packed = dataset.photos
            wishes = [(dataset, int(photo), np.array(packed[int(photo)])) for photo in photos]
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
        keep: bool,
        packed: np.ndarray | None = None,
    ) -> np.ndarray:
        found = kept.read(photo)
        if found is not None:
            kept_map: np.ndarray = found.astype(np.float32)
            return kept_map
        if packed is None:
            packed = np.asarray(dataset.photos[photo])
        with self._turn:
            computed = self.backbone.look(packed[None]).maps[0]
        if keep:
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
            self._read_one(dataset, photo, kept, True, packed)


def open_map_reader(workspace: Workspace, run_id: str, result: RunResult) -> MapReader:
    """Returns the reader of maps by the backbone of a run; a fine-tuned run has its own.

    Raises:
        BackboneMissing: Its backbone is not in the workspace, or was altered.
    """
    return MapReader(workspace, open_run_backbone(workspace, run_id, result.backbone_id))
