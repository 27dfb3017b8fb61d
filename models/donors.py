"""Rows that are known already: which row of which other file is that of which photo."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from core.workspace import write_whole

_BLOCK_BYTES = 8_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Donors:
    """Kept rows of the same form, backbone, precision and view, for n photos."""

    features: tuple[np.ndarray, ...]
    """Each (m, …), features (m, 2048) float32, say."""
    source: np.ndarray
    """(n,) int: which of `features` knows the photo, or -1 for none."""
    row: np.ndarray
    """(n,) int: its row there."""

    def __len__(self) -> int:
        return len(self.source)

    def find_unknown(self, first: int) -> np.ndarray:
        """Returns the numbers of the photos from `first` on that none knows, ascending."""
        return np.flatnonzero(self.source[first:] < 0) + first

    def write_rows(self, file: BinaryIO, start: int, end: int) -> None:
        """Writes the rows of the photos from `start` to before `end`, all of them known."""
        if start == end:
            return
        form = self.features[0]
        block_rows = max(1, _BLOCK_BYTES // form[:1].nbytes)
        for at in range(start, end, block_rows):
            block = slice(at, min(at + block_rows, end))
            source, row = self.source[block], self.row[block]
            values = np.empty((len(source), *form.shape[1:]), form.dtype)
            for number in np.unique(source).tolist():
                here = source == number
                values[here] = self.features[number][row[here]]
            write_whole(file, values.tobytes())


def find_no_donors(photos: int) -> Donors:
    """Returns donors that know none of this number of photos."""
    return Donors(features=(), source=np.full(photos, -1), row=np.zeros(photos, np.int64))
