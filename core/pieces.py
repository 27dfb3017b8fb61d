"""Files as storage keeps them: cut into pieces, and the record that names the pieces of a thing."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

ROWS = 512
"""Of an array in a piece: of packed photos 77 MB."""
_BLOCK = 2**26
_MOST = 2**27
"""Bytes of a piece."""


class Piece(NamedTuple):
    """A run of bytes, by its SHA-256."""

    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Where it is in storage."""
        return f"pieces/{self.sha256[:2]}/{self.sha256}"


class StoredFile(NamedTuple):
    """A file of a thing; `modified` is its time here in ns, 0 where storage alone has it."""

    pieces: tuple[Piece, ...]
    modified: int = 0

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


Record = dict[str, StoredFile]
"""Path below the workspace → the file."""


def cut_file(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces: of an array its header, then rows."""
    with path.open("rb") as file:
        size = _BLOCK
        if path.suffix == ".npy":
            size = _measure_rows(file) or _BLOCK
            header = file.tell()
            file.seek(0)
            yield file.read(header)
        while content := file.read(size):
            yield content


def _measure_rows(file: BinaryIO) -> int:
    """Return the bytes of ROWS rows of an array, 0 where they are too many; leaves its header."""
    import numpy as np

    try:
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    except ValueError:  # it was cut short, or is none
        file.seek(0)
        return 0
    size = ROWS * math.prod(shape[1:]) * kind.itemsize
    return size if size <= _MOST else 0


def describe_record(record: Record) -> str:
    """Return a record as storage has it: that files are here is nobody else's business."""
    return json.dumps({name: file._replace(modified=0) for name, file in record.items()})


def parse_record(content: bytes) -> Record:
    found: dict[str, Any] = json.loads(content)
    return {
        name: StoredFile(tuple(Piece(*piece) for piece in pieces), modified)
        for name, (pieces, modified) in found.items()
    }
