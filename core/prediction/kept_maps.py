"""Last maps of single photos, kept: maps/<dataset>/<backbone>-<precision>/<photo>.map.

A file is a digest and the map in float16. It is written once under a temporary name and never
changed, so that threads and processes need no lock; what was cut short, altered or put in the place
of another is no map. A disk without room costs time, never an answer.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.config import FEATURE_SIZE, PHOTO_SIZE
from core.workspace import Workspace, write_atomically
from models.backbone import BackboneFacts

_VERSION = 1
_DIGEST_BYTES = 16
_SHAPE = (PHOTO_SIZE // 32, PHOTO_SIZE // 32, FEATURE_SIZE)
_HALF = np.dtype("<f2")
_HIGHEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class KeptMaps:
    """The maps of a dataset's photos by one backbone, as many as somebody wanted."""

    folder: Path
    dataset_folder: Path | None = None
    """Of the dataset whose photos these are; nothing is kept once it is gone."""

    def read(self, photo: int) -> np.ndarray | None:
        """Returns the map of a photo, (7, 7, 2048) float16; None where none is kept, whole."""
        try:
            content = self._file(photo).read_bytes()
        except OSError:
            return None
        digest, values = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != self._digest(photo, values):
            return None
        return np.frombuffer(values, _HALF).reshape(_SHAPE)

    def keep(self, photo: int, last_map: np.ndarray) -> None:
        """Returns nothing; the map (7, 7, 2048) is kept, if there is room and float16 can hold it.

        Its values are none below 0: it comes behind a ReLU.
        """
        if not last_map.max() <= _HIGHEST:
            return
        if self.dataset_folder is not None and not self.dataset_folder.exists():
            return
        values = last_map.astype(_HALF).tobytes()
        with (
            contextlib.suppress(OSError),
            write_atomically(self._file(photo)) as temporary,
        ):
            temporary.write_bytes(self._digest(photo, values) + values)

    def _file(self, photo: int) -> Path:
        return self.folder / f"{photo}.map"

    def _digest(self, photo: int, values: bytes) -> bytes:
        """Returns the digest of a map that is this photo's, of this dataset and backbone."""
        name = f"{_VERSION}/{self.folder.parent.name}/{self.folder.name}/{photo}".encode()
        return hashlib.blake2b(values, digest_size=_DIGEST_BYTES, key=name[:64]).digest()


def find_kept_maps(workspace: Workspace, dataset_id: str, backbone: BackboneFacts) -> KeptMaps:
    """Returns the kept maps of a dataset's photos by a backbone."""
    folder = workspace.maps_folder(dataset_id) / f"{backbone.id}-{backbone.precision}"
    return KeptMaps(folder, workspace.dataset_folder(dataset_id))
