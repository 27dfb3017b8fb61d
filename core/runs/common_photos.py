"""The photos on which two runs can be compared.

A photo counts if both datasets have it (same path and content, else same content), in one split and
one class. All others are left out: a photo that one run learned from is not a fair test.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.runs.result import RunResult
from data.dataset import Dataset
from data.manifest import match_photos


@dataclass(frozen=True, kw_only=True)
class CommonPhotos:
    """The common photos and the predictions of both runs, in the order of b's dataset."""

    split: str
    classes: tuple[str, ...]
    """The classes of a, then the additional ones of b."""
    photos_a: np.ndarray
    """(m,) int, photo numbers in a's dataset."""
    photos_b: np.ndarray
    """(m,) int, photo numbers in b's dataset."""
    labels: np.ndarray
    """(m,) int, index into `classes`, like the predictions."""
    predictions_a: np.ndarray
    predictions_b: np.ndarray
    elsewhere: int
    """Photos in this split of one run and in another split of the other."""
    unpredicted: int
    """Photos in this split of one run that the other has no prediction of."""
    missing: int
    """Photos of this split that are in one dataset only."""
    relabelled: int
    """Photos in this split of both, with different classes."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def answers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
        """Labels, predictions of a and of b, classes."""
        return self.labels, self.predictions_a, self.predictions_b, self.classes


def find_common(
    a: RunResult, b: RunResult, split: str, read_dataset: Callable[[str], Dataset]
) -> CommonPhotos:
    """Return the common photos of a split."""
    rows_a, rows_b = _match_photos(a, b, read_dataset)
    classes = (*a.classes, *(name for name in b.classes if name not in a.classes))
    of_b = np.array([classes.index(name) for name in b.classes], dtype=np.int64)
    in_a, in_b = a.splits[rows_a] == split, b.splits[rows_b] == split
    either = in_a ^ in_b
    nowhere = either & ((a.splits[rows_a] == "") | (b.splits[rows_b] == ""))
    same_class = a.labels[rows_a] == of_b[b.labels[rows_b]]
    kept = in_a & in_b & same_class
    photos_a, photos_b = rows_a[kept], rows_b[kept]
    in_split = len(a.photo_numbers(split)) + len(b.photo_numbers(split))
    return CommonPhotos(
        split=split,
        classes=classes,
        photos_a=photos_a,
        photos_b=photos_b,
        labels=a.labels[photos_a],
        predictions_a=a.scores[photos_a].argmax(axis=1),
        predictions_b=of_b[b.scores[photos_b].argmax(axis=1)],
        elsewhere=int((either & ~nowhere).sum()),
        unpredicted=int(nowhere.sum()),
        missing=in_split - int(in_a.sum()) - int(in_b.sum()),
        relabelled=int((in_a & in_b & ~same_class).sum()),
    )


def _match_photos(
    a: RunResult, b: RunResult, read_dataset: Callable[[str], Dataset]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the photo numbers, (m,) each, of the photos in both results."""
    if a.dataset_id == b.dataset_id and np.array_equal(a.paths, b.paths):
        rows = np.arange(len(a.paths))  # the same version
        return rows, rows
    return match_photos(read_dataset(a.dataset_id).manifest, read_dataset(b.dataset_id).manifest)


def describe_left_out(common: CommonPhotos) -> str:
    """Return the left-out photos with their reasons; "" where all are compared."""
    reasons = (
        (common.elsewhere, "in another split of one run"),
        (common.unpredicted, "without a prediction in one run"),
        (common.missing, "only in one dataset"),
        (common.relabelled, "with another class in one dataset"),
    )
    parts = [f"{number:,} {why}" for number, why in reasons if number]
    return f"Not compared: {', '.join(parts)}." if parts else ""
