"""Digests of large files, computed once for as long as a file is not touched."""

import functools
from pathlib import Path

from core.workspace import digest_file


def digest_once(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal digest of a file; remembered by its path, size and time of change."""
    facts = path.stat()
    return _digest(path, algorithm, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:  # noqa: ARG001
    return digest_file(path, algorithm)
