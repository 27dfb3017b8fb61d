"""Features that are known already: which row of which other features is that of which photo."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from core.config import FEATURE_SIZE
from core.workspace import write_whole

_BLOCK = 1024  # rows copied at a time, 8 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Donors:
    """Features of other datasets by the same backbone and precision, for n photos."""

    features: tuple[np.ndarray, ...]
    """Each (m, 2048) float32."""
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
        for at in range(start, end, _BLOCK):
            block = slice(at, min(at + _BLOCK, end))
            source, row = self.source[block], self.row[block]
            values = np.empty((len(source), FEATURE_SIZE), np.float32)
            for number in np.unique(source).tolist():
                here = source == number
                values[here] = self.features[number][row[here]]
            write_whole(file, values.tobytes())


def find_no_donors(photos: int) -> Donors:
    """Returns donors that know none of this number of photos."""
    return Donors(features=(), source=np.full(photos, -1), row=np.zeros(photos, np.int64))
