"""What a version is made of: its facts, and its files under the SHA-256 of their bytes.

What is read is checked as it is read. Arrays have the layout of safetensors: nothing in it can be
run. The reference (validation photos, up to 1,000) is what new photos are compared with: drift.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.errors import VersionDamaged
from core.prediction.deciding import ModelVersion
from core.runs.locks import hold_lock
from core.workspace import Workspace, digest_file, write_atomically

if TYPE_CHECKING:
    from core.runs.result import RunResult
    from data.dataset import Dataset

FORMAT = 1
"""To be raised when files or facts mean something else."""

Role = Literal["network", "weights", "head", "unlike", "reference"]

WEIGHTS_SUFFIX = ".bin"
"""Of the file beside an OpenVINO network (.xml) that holds its numbers."""

_CHANGING = frozenset({"run_name", "dataset_name", "rule_made", "rule_is_default"})


def digest_facts(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 over what decides the answers, and over where it came from.

    Args:
        facts: JSON values: format, run_id, dataset_id, recipe, best_epoch, classes, train_counts
            (class → training photos), validation {n, right}, backbone (BackboneFacts without its
            files), rule (DecisionRule, or None), unlike_version, files {role: sha256}, sizes
            {role: bytes}; not in the digest, because they may change: run_name, dataset_name,
            rule_made, rule_is_default.
    """
    lasting = {name: value for name, value in facts.items() if name not in _CHANGING}
    canonical = json.dumps(lasting, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


_KINDS = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_LENGTH = 8


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the arrays as one piece of bytes.

    Source: the safetensors format, https://github.com/huggingface/safetensors.
    """
    header: dict[str, object] = {}
    pieces: list[bytes] = []
    offset = 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        piece = array.tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("=")],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(piece)],
        }
        pieces.append(piece)
        offset += len(piece)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # so that the numbers are aligned
    return b"".join([len(text).to_bytes(_LENGTH, "little"), text, *pieces])


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays, read-only views of the bytes.

    Raises:
        ValueError: The bytes are not what `pack_arrays` returned.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    start = _LENGTH + length
    if len(content) < start:
        raise ValueError("the header was cut short")
    try:
        header = json.loads(content[_LENGTH:start])
        return {name: _read_array(content, start, entry) for name, entry in header.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the header is not one of arrays") from error


def _read_array(content: bytes, start: int, entry: Mapping[str, Any]) -> np.ndarray:
    first, last = entry["data_offsets"]
    numbers = np.frombuffer(content[start + first : start + last], dtype=_KINDS[entry["dtype"]])
    return numbers.reshape(entry["shape"])


_FOLDER = "files"


def keep_bytes(workspace: Workspace, content: bytes) -> str:
    """Return the digest under which the bytes stand; an altered file of that name is replaced."""
    digest = hashlib.sha256(content).hexdigest()
    file = blob_file(workspace, digest)
    if not (file.is_file() and digest_file(file) == digest):
        with write_atomically(file) as path:
            path.write_bytes(content)
    return digest


def read_blob(workspace: Workspace, digest: str, role: str) -> bytes:
    """Return the bytes of a file, which have that digest.

    Raises:
        VersionDamaged: The file is missing, was cut short or altered.
    """
    try:
        content = blob_file(workspace, digest).read_bytes()
    except OSError:
        content = None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise VersionDamaged(
            f"The {role} of this version is {'missing' if content is None else 'altered'}: "
            "its digest is not the registered one.",
            "Register its run again, which writes the file anew; or promote another version.",
            file=role,
            digest=digest,
        )
    return content


def blob_file(workspace: Workspace, digest: str) -> Path:
    """Return where the file of a digest stands, or would."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise VersionDamaged(
            "A digest of this version is none.", "Register its run again.", digest=digest[:80]
        )
    return workspace.registry / _FOLDER / digest[:2] / digest


def sweep_blobs(workspace: Workspace, needed: Set[str]) -> int:
    """Return how many bytes of files were freed that no version needs; inside `hold_registry`."""
    freed = 0
    for file in (workspace.registry / _FOLDER).glob("??/*"):
        if file.name not in needed:
            freed += file.stat().st_size
            file.unlink()
    return freed


@contextmanager
def hold_registry(workspace: Workspace) -> Iterator[None]:
    """Yield when no other process writes or sweeps files of the registry."""
    workspace.registry.mkdir(parents=True, exist_ok=True)
    with hold_lock(workspace.registry / "registry.lock"):
        yield


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
        """Return one of `PROPERTIES`, (n,) float64."""
        return np.asarray(self.properties[:, PROPERTIES.index(name)])

    def photo_digest(self, row: int) -> str:
        """Return the SHA-256 of a photo's file, in hexadecimal digits."""
        return bytes(self.photos[row]).hex()


def pack_reference(dataset: "Dataset", result: "RunResult", features: np.ndarray) -> bytes:
    """Return the reference of a run, of the features (n, 2048) of all photos, as bytes."""
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
    """Return the reference of a version.

    Raises:
        VersionDamaged: Its file is missing, was cut short or altered.
    """
    digest = str(version.facts.get("files", {}).get("reference", ""))
    return Reference(**unpack_arrays(read_blob(workspace, digest, "reference")))
