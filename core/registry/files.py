"""The files of versions under the SHA-256 of their bytes, and the facts of a version.

Every read is checked. Arrays have the layout of safetensors: no code is in it. The reference (up to
1,000 validation photos) is the baseline for drift.
"""

import hashlib
import json
from collections.abc import Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import VersionDamaged
from core.kept import pack_arrays, unpack_arrays
from core.prediction.deciding import ModelVersion
from core.runs.result import RunResult
from core.workspace import Workspace, digest_file, write_atomically
from data.dataset import Dataset

FORMAT = 1
"""Raise it when files or facts change their meaning."""

Role = Literal["network", "weights", "head", "unlike", "reference"]

WEIGHTS_SUFFIX = ".bin"
"""Suffix of the file with the weights of an OpenVINO network (.xml)."""

_CHANGING = frozenset({"run_name", "dataset_name", "rule_made", "rule_is_default"})


def digest_facts(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all facts that decide the answers, and over their origin.

    Args:
        facts: JSON values: format, run_id, dataset_id, recipe, best_epoch, classes, train_counts
            (class → training photos), validation {n, right}, answers (the OperatingPoint of the
            rule on them; older versions lack it), backbone (BackboneFacts without its files), rule
            (DecisionRule, or None), unlike_version, files {role: sha256}, sizes {role: bytes}; not
            in the digest, because they may change: run_name, dataset_name, rule_made,
            rule_is_default.
    """
    lasting = {name: value for name, value in facts.items() if name not in _CHANGING}
    canonical = json.dumps(lasting, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


_FOLDER = "files"


def keep_bytes(workspace: Workspace, content: bytes) -> str:
    """Store bytes under their digest, which is returned; replace an altered file of that name."""
    digest = hashlib.sha256(content).hexdigest()
    file = blob_file(workspace, digest)
    if not (file.is_file() and digest_file(file) == digest):
        with write_atomically(file) as path:
            path.write_bytes(content)
    return digest


def read_file(workspace: Workspace, version: ModelVersion, role: Role) -> bytes:
    """Return the checked bytes of a file of the version."""
    digest = str(version.facts.get("files", {}).get(role, ""))
    content = b""
    with suppress(OSError):
        content = blob_file(workspace, digest).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise damaged(version, f"Its file “{role}” was truncated, altered or removed")
    return content


def damaged(version: ModelVersion, problem: str) -> VersionDamaged:
    """Return the error of a refused version."""
    return VersionDamaged(
        f"{version.label} is refused. {problem}.",
        "Roll back to the former champion, or register the run of this version again: page Models.",
        version=version.number,
    )


def blob_file(workspace: Workspace, digest: str) -> Path:
    """Return the path of the file with a digest."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        digest = "0" * 64  # never a path outside; no file has this digest
    return workspace.registry / _FOLDER / digest[:2] / digest


def sweep_blobs(workspace: Workspace, needed: Set[str]) -> int:
    """Delete files that no version needs, under the registry's lock; return the bytes freed."""
    freed = 0
    for file in (workspace.registry / _FOLDER).glob("??/*"):
        if file.name not in needed:
            freed += file.stat().st_size
            file.unlink()
    return freed


MOST_PHOTOS = 1000
MEASURED = ("brightness", "contrast", "sharpness", "colourfulness")
"""Properties that drift compares; they are described in data.findings."""
STATED = ("width", "height", "bytes")
PROPERTIES = (*MEASURED, *STATED)
"""Columns of the manifest that the reference keeps, in this order."""


def pack_reference(dataset: Dataset, result: RunResult, features: np.ndarray) -> bytes:
    """Return the reference of a run as bytes; `features` (n, d) are those of all photos."""
    photos = result.photo_numbers("validation")
    if len(photos) > MOST_PHOTOS:
        drawn = np.random.default_rng(20260121).choice(photos, MOST_PHOTOS, replace=False)
        photos = np.sort(drawn)
    rows = dataset.manifest.iloc[photos]
    digests = b"".join(bytes.fromhex(digest) for digest in rows["sha256"])
    return pack_arrays(
        {
            "features": np.asarray(features[photos], dtype=np.float16),
            "scores": np.asarray(result.scores[photos], dtype=np.float32),
            "labels": np.asarray(result.labels[photos], dtype=np.int64),
            "properties": rows[list(PROPERTIES)].to_numpy(dtype=np.float64),
            "photos": np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32),
        }
    )


def read_reference(workspace: Workspace, version: ModelVersion) -> dict[str, np.ndarray]:
    """Return the reference of a version: validation photos of its run, drawn by a fixed seed.

    Returns:
        features (n, d) float16, scores (n, k) float32 as the run gave them, labels (n,) int64,
        properties (n, 7) float64 in the order of `PROPERTIES`, photos (n, 32) uint8: SHA-256 of
        each photo's file.
    """
    return unpack_arrays(read_file(workspace, version, "reference"))
