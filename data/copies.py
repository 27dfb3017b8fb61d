"""Which new photos are copies of photos that a dataset has: exact ones, and near ones.

The rule is that of data/duplicates.py without features, for a few new photos against all old ones.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from data.dataset import Dataset
from data.duplicates import (
    NEAR_DIFFERENCE,
    NEAR_DISTANCE,
    SURE_DIFFERENCE,
    SURE_DISTANCE,
    read_hashes,
)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """That a new photo is one that the dataset has."""

    photo: int
    """Number in the dataset."""
    kind: Literal["exact", "near"]
    """“exact”: equal files or equal pixels."""


def find_copies(dataset: Dataset, table: pd.DataFrame, photos: np.ndarray) -> list[list[Copy]]:
    """Returns for each new photo what it is a copy of, in the order of the dataset's photos.

    Args:
        dataset: What is there.
        table: (m) rows of new photos, columns sha256 and phash.
        photos: (m, 224, 224, 3) uint8 RGB, the same packed.
    """
    known = dataset.photos
    digests = dataset.manifest["sha256"].to_numpy()
    hashes = read_hashes(dataset.manifest)
    found = []
    for row, new_hash in enumerate(read_hashes(table)):
        same_file = digests == table["sha256"].iat[row]
        distances = np.bitwise_count(hashes ^ new_hash)
        copies = []
        for number in np.flatnonzero(same_file | (distances <= NEAR_DISTANCE)).tolist():
            difference = _measure_difference(photos[row], known[number])
            if same_file[number] or difference == 0:
                copies.append(Copy(photo=number, kind="exact"))
            elif _is_near(int(distances[number]), difference):
                copies.append(Copy(photo=number, kind="near"))
        found.append(copies)
    return found


def _is_near(distance: int, difference: float) -> bool:
    sure = distance <= SURE_DISTANCE and difference <= SURE_DIFFERENCE
    return sure or difference <= NEAR_DIFFERENCE


def _measure_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the mean absolute difference of the pixels, 0..255."""
    return float(np.abs(one.astype(np.int16) - other).mean())
