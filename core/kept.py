"""The cache of results: each is computed once, under an id, with facts, files and digests.

A result is whole or missing: if the SHA-256 of a file differs from the facts, it is computed again.

- analyses/<id>/result/: facts.json, arrays and tables of an analysis
- features/<id>.npy: rows of photos; <id>.json has their facts
- <name>-<key>.npz: arrays that follow from something else, named by the key
"""

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from core.errors import ReadOnly, RunStopped
from core.workspace import (
    Workspace,
    digest_file,
    digest_once,
    make_folder_atomically,
    write_atomically,
)

RESULT, FACTS = "result", "facts.json"


@dataclass(frozen=True, kw_only=True)
class Cached:
    """A finished analysis of a dataset."""

    id: str
    kind: str
    """quality, map, exact-head, …"""
    dataset: str
    weights: str
    label: str
    """Of the weights, for the screen."""
    created: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds")
    )
    folder: Path = Path()
    rest: dict[str, Any] = field(default_factory=dict)
    """Facts of this kind alone."""
    digests: dict[str, str] = field(default_factory=dict)
    """File name → SHA-256."""

    @property
    def is_whole(self) -> bool:
        """Whether no file was cut short or altered."""
        try:
            return all(digest_once(self.folder / name) == sha for name, sha in self.digests.items())
        except FileNotFoundError:
            return False

    def read_array(self, name: str) -> np.ndarray:
        """Return an array, memory-mapped."""
        return _map(self.folder / f"{name}.npy")

    def read_table(self, name: str) -> pd.DataFrame:
        """Return a table."""
        table = pd.read_parquet(self.folder / f"{name}.parquet")
        pa.default_memory_pool().release_unused()
        return table


def write_cached(
    workspace: Workspace,
    result: Cached,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write an analysis, unless it is there."""
    if read_cached(workspace, result.id) is not None:
        return
    target = workspace.analysis_folder(result.id) / RESULT
    shutil.rmtree(target, ignore_errors=True)
    with make_folder_atomically(target) as folder:
        for name, array in (arrays or {}).items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        for name, table in (tables or {}).items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        digests = {file.name: digest_file(file) for file in sorted(folder.iterdir())}
        content = {**asdict(result), "folder": "", "digests": digests}
        (folder / FACTS).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_cached(workspace: Workspace, identifier: str) -> Cached | None:
    """Return an analysis; None if it is missing or damaged."""
    result = _read_facts(workspace.analysis_folder(identifier) / RESULT)
    return result if result is not None and result.is_whole else None


def list_cached(workspace: Workspace, dataset_id: str, kind: str) -> list[Cached]:
    """Return the analyses of a kind for a dataset, newest first."""
    found = map(_read_facts, workspace.analyses.glob(f"[!.]*/{RESULT}"))
    wanted = [one for one in found if one and (one.dataset, one.kind) == (dataset_id, kind)]
    wanted.sort(key=lambda one: one.created, reverse=True)
    return [one for one in wanted if one.is_whole]


def _read_facts(folder: Path) -> Cached | None:
    try:
        content = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return Cached(**content | {"folder": folder})
    except (OSError, ValueError, TypeError):
        return None


# Rows of photos


def has_rows(file: Path) -> bool:
    """Return whether rows are cached, by the names of the files alone: fast."""
    return file.exists() and file.with_suffix(".json").exists()


def read_rows(file: Path) -> np.ndarray | None:
    """Return rows (n, …), memory-mapped; None if they are missing or altered."""
    try:
        facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        return _map(file) if digest_once(file) == facts["sha256"] else None
    except (FileNotFoundError, ValueError, KeyError):
        return None


def keep_rows(
    file: Path,
    partial: Path,
    facts: Mapping[str, Any],
    complete: Callable[[Path], None],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Return rows, memory-mapped; computed if they are missing.

    Args:
        partial: Has the rows until all are there; the next call continues it.
        facts: JSON values, written beside the rows.
        complete: Adds the missing rows to the partial file.

    Raises:
        RunStopped: `should_stop` returned True while another process computed the rows.
    """
    with _hold(partial.with_suffix(".lock"), should_stop):
        if (rows := read_rows(file)) is not None:
            return rows
        complete(partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        content = {**facts, "sha256": digest_file(partial)}
        partial.replace(file)
        with write_atomically(file.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")
        return _map(file)


def report_stop() -> RunStopped:
    """Return the error of an extraction that a person stopped."""
    return RunStopped(
        "The extraction of features was stopped.",
        "Start the run again: it continues with the remaining photos.",
    )


@contextmanager
def _hold(lock_file: Path, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Yield when no other process computes the same rows."""
    lock = FileLock(lock_file)
    while True:
        try:
            with lock.acquire(timeout=0.5):
                yield
                return
        except Timeout:
            if should_stop():
                raise report_stop() from None


def _map(file: Path) -> np.ndarray:
    rows: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    return rows


# Arrays that follow from something else


def keep_arrays(
    file: Path, make: Callable[[], Mapping[str, np.ndarray]], owner: Path
) -> dict[str, np.ndarray]:
    """Return the arrays of <name>-<key>.npz; computed and written if missing or damaged.

    Files with another key are removed.

    Args:
        make: Computes the arrays (no object dtype).
        owner: A file; once it is gone, nothing is written.
    """
    with (
        suppress(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
        file.open("rb") as stored,
        np.load(stored, allow_pickle=False) as known,
    ):
        return {name: known[name] for name in known.files}
    arrays = {name: np.asarray(values) for name, values in make().items()}
    if not owner.exists():
        return arrays
    name = file.stem.rpartition("-")[0]
    with suppress(OSError, ReadOnly):
        for old in file.parent.glob(f"{name}-*.npz"):
            if old.stem.rpartition("-")[0] == name:  # names may begin alike
                old.unlink(missing_ok=True)
        with write_atomically(file) as temporary, temporary.open("wb") as out:
            np.savez(out, allow_pickle=False, **arrays)
    return arrays


# Arrays as bytes

_TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "I64": "<i8"}
_TYPES |= {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
_LENGTH = 8


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the arrays as one piece of bytes.

    Source: the safetensors format, https://github.com/huggingface/safetensors.
    """
    names = {np.dtype(kind): name for name, kind in _TYPES.items()}
    header: dict[str, object] = {}
    pieces: list[bytes] = []
    offset = 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        end = offset + array.nbytes
        header[name] = {
            "dtype": names[array.dtype.newbyteorder("=")],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        pieces.append(array.tobytes())
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # so that the numbers are aligned
    return b"".join([len(text).to_bytes(_LENGTH, "little"), text, *pieces])


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays by name, read-only; ValueError, LookupError or TypeError if damaged."""
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header, arrays = json.loads(content[_LENGTH:start]), {}
    header.pop("__metadata__", None)
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        numbers = np.frombuffer(content[start + first : start + last], _TYPES[entry["dtype"]])
        arrays[name] = numbers.reshape(entry["shape"])
    return arrays
