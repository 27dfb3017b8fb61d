"""The report of an import: counts, splits, skipped photos with their reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from core.formats import count, sort_names
from data.sources.found import FoundSource
from data.sources.names import list_names
from data.splits import FRACTIONS, SPLITS

REFUSED_SHOWN = 200
"""Limit for the list of skipped photos; all are counted."""
ENOUGH = 20
"""Validation photos of a class from which a single one moves its recall by 5 points at most."""
_PHOTOS_FOR_ENOUGH = round(ENOUGH / FRACTIONS[1] / 10) * 10


@dataclass(frozen=True)
class ClassCount:
    """Photos of a class in each split."""

    name: str
    train: int
    validation: int
    test: int
    photos: int


@dataclass(frozen=True)
class RefusedPhoto:
    """A skipped photo, with the class of its folder and the reason."""

    path: str
    class_name: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """The contents of a dataset before it is saved."""

    name: str
    source: str
    dataset_id: str
    photos: int
    set_aside: int
    """Number of skipped photos."""
    classes: tuple[ClassCount, ...]
    split_origin: str
    reasons: dict[str, int]
    """Skipped photos by the code of their error."""
    refused: tuple[RefusedPhoto, ...]
    """The first skipped photos."""
    notes: tuple[str, ...]
    exact_duplicates: int
    """Byte-for-byte copies of earlier photos."""
    bytes: int
    """Size of the original files."""
    layout: str = ""
    """The meaning of the folders in a sentence, and the folders in text."""
    tree: str = ""
    groups: tuple[str, ...] = ()
    """Unused columns of a table that may name groups, such as “patient”."""
    already_imported: bool
    """Whether the same photos, classes and splits are already a dataset."""

    def count_split(self, split: str) -> int:
        """Return the number of photos of a split."""
        return sum(getattr(row, split) for row in self.classes)


def make_report(
    manifest: pd.DataFrame,
    set_aside: pd.DataFrame,
    found: FoundSource,
    dataset_id: str,
    *,
    already_imported: bool,
) -> ImportReport:
    """Return the report of a dataset's two tables, once the splits of its source are final."""
    table = pd.crosstab(manifest["class"], manifest["split"])
    table = table.reindex(index=sort_names(table.index), columns=SPLITS, fill_value=0)
    table["photos"] = table.sum(axis=1)
    classes = tuple(ClassCount(*row) for row in table.itertuples())
    first = set_aside[["path", "class", "problem"]].head(REFUSED_SHOWN)
    return ImportReport(
        name=found.name,
        source=found.origin,
        dataset_id=dataset_id,
        photos=len(manifest),
        set_aside=len(set_aside),
        classes=classes,
        split_origin=found.split_origin or "given",
        reasons={str(code): int(n) for code, n in set_aside["code"].value_counts().items()},
        refused=tuple(RefusedPhoto(*row) for row in first.itertuples(index=False)),
        notes=(*found.notes, *_note_thin_classes(classes, " ".join(found.notes))),
        exact_duplicates=int(manifest["sha256"].duplicated().sum()),
        bytes=int(manifest["bytes"].sum()),
        layout=found.layout,
        tree=found.tree,
        groups=found.groups,
        already_imported=already_imported,
    )


def _note_thin_classes(classes: Sequence[ClassCount], noted: str) -> Iterator[str]:
    """Yield sentences on classes without enough photos, unless `noted` names them already."""
    single = [row.name for row in classes if row.photos == 1 and f"“{row.name}”" not in noted]
    untrained = [row.name for row in classes if row.train == 0]
    untested = [row.name for row in classes if row.photos > 1 and not (row.validation or row.test)]
    for names, problem in (
        (single, "a single photo: for training or for testing, not for both."),
        (untrained, "no training photos and cannot be learned."),
        (untested, "training photos only and cannot be evaluated."),
    ):
        if names:
            has = "has" if len(names) == 1 else "have"
            yield f"{count(len(names), 'class')} ({list_names(names)}) {has} {problem}"


def note_photos(paths: pd.Series, notes: pd.Series) -> Iterator[str]:
    """Yield a sentence for each note on photos, with their number and the first path."""
    for note, noted in paths[notes != ""].groupby(notes):
        yield f"{count(len(noted), 'photo')} read with a note, as “{noted.iloc[0]}”: {note}"


def note_copies(digests: pd.Series, splits: pd.Series) -> Iterator[str]:
    """Yield a sentence on the photos with exact copies in other splits."""
    shared = splits.groupby(digests).agg(
        lambda some: " and ".join(sorted(set(some), key=SPLITS.index))
    )
    counts = shared[shared.str.contains(" ")].value_counts()
    if len(counts):
        said = ", ".join(f"{n:,} in {where}" for where, n in counts.items())
        yield f"{count(int(counts.sum()), 'photo')} with exact copies in several splits: {said}."


def warn_of_few(counts: Sequence[int], split: str = "validation") -> str:
    """Return a warning about classes with fewer than 20 photos in a split, or "".

    `counts` (k,) are the photos of each class in the split.
    """
    few = sum(n < ENOUGH for n in counts)
    if not few:
        return ""
    of = f"{few:,} of {len(counts):,} classes {'has' if few == 1 else 'have'}"
    if few == len(counts):
        of = {1: "The only class has", 2: "Both classes have"}.get(few, f"All {few:,} classes have")
    if not any(counts):
        return (
            f"{of} no {split} photo: runs cannot be evaluated. Add photos, or import again with "
            "drawn splits."
        )
    return (
        f"{of} fewer than {ENOUGH} {split} photos (the fewest: {min(counts):,}), so a single photo "
        "moves the recall of the class by more than 5 points. With a 70/15/15 split, about "
        f"{_PHOTOS_FOR_ENOUGH} photos per class give {ENOUGH} {split} photos."
    )
