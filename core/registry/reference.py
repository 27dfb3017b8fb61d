"""What a model saw when it was judged: the reference that new photos are compared with (drift).

Taken from validation photos: the head was fitted to the training photos, so its scores for them are
surer than for any new photo, and test photos are not looked at.
"""

from dataclasses import dataclass, fields

import numpy as np

from core.prediction.model_version import ModelVersion
from core.registry.arrays import pack_arrays, unpack_arrays
from core.registry.blobs import read_blob
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset

MOST_PHOTOS = 1000
PROPERTIES = (
    *("brightness", "contrast", "sharpness", "colourfulness"),
    *("width", "height", "bytes"),
)
"""Columns of the manifest that the reference keeps, in the order of `Reference.properties`."""
_SEED = 20260121
_DIGEST_BYTES = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Validation photos of the run, up to 1,000, drawn by a fixed seed; row i is one photo."""

    features: np.ndarray
    """(n, 2048) float16."""
    scores: np.ndarray
    """(n, k) float32, as the run gave them."""
    labels: np.ndarray
    """(n,) int64, true class."""
    properties: np.ndarray
    """(n, 7) float64, the columns `PROPERTIES`."""
    photos: np.ndarray
    """(n, 32) uint8, SHA-256 of each photo's own file."""

    def __len__(self) -> int:
        return len(self.labels)

    def property(self, name: str) -> np.ndarray:
        """Returns one of `PROPERTIES`, (n,) float64."""
        return np.asarray(self.properties[:, PROPERTIES.index(name)])

    def photo_digest(self, row: int) -> str:
        """Returns the SHA-256 of a photo's file, in hexadecimal digits."""
        return bytes(self.photos[row]).hex()


def pack_reference(dataset: Dataset, result: RunResult, features: np.ndarray) -> bytes:
    """Returns the reference of a run as one piece of bytes.

    Args:
        dataset: Of the run.
        result: Of the run.
        features: (n, 2048) float, of all photos of the dataset.
    """
    photos = result.photo_numbers("validation")
    if len(photos) > MOST_PHOTOS:
        drawn = np.random.default_rng(_SEED).choice(photos, MOST_PHOTOS, replace=False)
        photos = np.sort(drawn)
    rows = dataset.manifest.iloc[photos]
    digests = b"".join(bytes.fromhex(digest) for digest in rows["sha256"])
    return pack_arrays(
        {
            "features": np.asarray(features[photos], dtype=np.float16),
            "scores": np.asarray(result.scores[photos], dtype=np.float32),
            "labels": np.asarray(result.labels[photos], dtype=np.int64),
            "properties": rows[list(PROPERTIES)].to_numpy(dtype=np.float64),
            "photos": np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST_BYTES),
        }
    )


def read_reference(workspace: Workspace, version: ModelVersion) -> Reference:
    """Returns the reference of a version.

    Raises:
        VersionDamaged: Its file is missing, was cut short or altered.
    """
    digest = str(version.facts.get("files", {}).get("reference", ""))
    arrays = unpack_arrays(read_blob(workspace, digest, "reference"))
    return Reference(**{field.name: arrays[field.name] for field in fields(Reference)})
