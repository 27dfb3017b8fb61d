"""Predictions that were made elsewhere: what a table of them means for a dataset.

A table can be read in several ways; a reading that is not clear is asked for, never guessed: the
error then has the facts `question` (a field of Choices) and `options`. No photo is opened.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.config import fingerprint
from core.errors import PredictionsRefused
from core.formats import count
from data.dataset import Dataset
from data.prediction_columns import Choices as Choices
from data.prediction_columns import find_columns, find_kind
from data.prediction_scores import Reader, Scored
from data.prediction_tables import (
    Match,
    check_column,
    find_names,
    match_photos,
    read_cells,
    read_texts,
)
from data.sources.columns import HEADS, fold_head
from data.sources.names import list_names
from data.splits import SPLITS

UNKNOWN_SHOWN = 1_000
_DIGESTS = ("sha256", "sha_256", "digest", "hash", "checksum", "photo_sha256")


@dataclass(frozen=True, kw_only=True, eq=False)
class Understood:
    """A table of predictions as it was understood for a dataset of n photos and k classes."""

    scores: np.ndarray
    """(n, k) float32; the rows of matched photos sum to 1, others are 0."""
    matched: np.ndarray
    """(n,) bool, photos with a prediction."""
    scored: Scored
    """Whether the scores of all classes are known, of the predicted class alone, or none."""
    choices: Choices
    """The choices that give this reading again; its names include the proposed ones."""
    columns: tuple[str, ...]
    """A sentence on each column that is used."""
    scale_words: str
    """The scale of the scores, and their conversion; "" without scores."""
    sentences: tuple[str, ...]
    """“512 of 551 validation photos matched.”, for each split with photos."""
    rows: int
    unknown: tuple[str, ...]
    """The first names in the file without a photo, at most UNKNOWN_SHOWN."""
    unknown_rows: int
    notes: tuple[str, ...]
    proposed: Mapping[str, str]
    """Name in the file → class that it probably is, to be confirmed."""

    @property
    def digest(self) -> str:
        """The id of the predictions: equal scores of the same photos have the same one."""
        digest = hashlib.blake2b(self.scores.data, digest_size=32)
        digest.update(self.matched.data)
        return fingerprint({"scores": digest.hexdigest(), "scored": self.scored})


def read_predictions(
    source: Path | pd.DataFrame, dataset: Dataset, choices: Choices | None = None
) -> Understood:
    """Return the predictions of a file or table for the photos of a dataset.

    Raises:
        PredictionsRefused: The table cannot be read, no row names a photo, scores are missing, or a
            person has to choose.
    """
    choices = choices or Choices()
    cells = read_cells(source)
    photo, match = _find_photos(cells, dataset, choices.photo_column)
    used = np.flatnonzero(match.photos >= 0)
    rows = cells.drop(columns=photo).iloc[match.rows[used]]
    columns = find_columns(rows, dataset, choices)
    repeated = _check_repeated(cells[columns.heads], match)
    reader = Reader(rows, dataset, columns, choices)
    scores = np.zeros((len(dataset), len(dataset.classes)), dtype=np.float32)
    scores[used] = reader.read()
    matched = np.asarray(scores.any(axis=1))
    is_right = (scores.argmax(axis=1) == dataset.labels)[matched]
    unknown = read_texts(cells[photo][~match.is_known])
    unused = cells.columns.drop([photo, *columns.heads])
    notes = {
        **_note_rows(match, unknown, dataset, repeated),
        f"Columns that were not used: {list_names(unused)}.": len(unused),
        f"All predictions are right: check that “{columns.predicted}” is not the column of true "
        "classes.": columns.every is None and is_right.all(),
    }
    return Understood(
        scores=scores,
        matched=matched,
        scored=reader.scored,
        choices=replace(reader.settle(), photo_column=photo),
        columns=(f"Photos: “{photo}”.", *columns.words),
        scale_words=reader.scale_words,
        sentences=_count_splits(dataset.splits, matched),
        rows=len(cells),
        unknown=tuple(unknown.head(UNKNOWN_SHOWN)),
        unknown_rows=len(unknown),
        notes=(*reader.notes, *(note for note, is_so in notes.items() if is_so)),
        proposed=reader.proposed,
    )


def _find_photos(cells: pd.DataFrame, dataset: Dataset, chosen: str | None) -> tuple[str, Match]:
    """Return the column that names photos: by its head, else by its cells.

    Raises:
        PredictionsRefused: No column does, or several name different photos.
    """
    check_column(chosen, [*cells])
    clear, likely = (words.split() for words in HEADS["path"])
    folded = {head: fold_head(head) for head in cells}
    named = [[head for head in cells if folded[head] in words] for words in (clear, likely)]
    named[1] += [head for head in cells if folded[head] in _DIGESTS]
    others = (head for head in cells if find_kind(cells[head]) == "words")
    tiers = [*named, others] if chosen is None else [[chosen]]
    for heads in tiers:
        found = {head: match_photos(read_texts(cells[head]), dataset.manifest) for head in heads}
        found = {head: one for head, one in found.items() if (one.photos >= 0).any()}
        rows = [match.rows for match in found.values()]
        if any(_clash(rows[0], other) for other in rows[1:]):
            raise PredictionsRefused(
                f"Several columns name photos, but not the same ones: {list_names(found)}.",
                "Choose the column of the photos (--photos-column).",
                question="photo_column",
                options=tuple(found),
            )
        if found:
            return max(found.items(), key=lambda item: int((item[1].photos >= 0).sum()))
    head = chosen or [*named[0], *named[1], *cells][0]
    raise PredictionsRefused(
        f"No row names a photo of “{dataset.name}”, such as “{dataset.manifest['path'].iat[0]}”. "
        f"The first row has “{cells[head].iat[0]}” in “{head}”.",
        "Choose the column with paths, file names or SHA-256 (--photos-column), or another "
        "dataset.",
        question="photo_column",
        options=tuple(cells),
    )


def _clash(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two columns pair rows with different photos; copies of a photo may differ.

    Args:
        a: (n,) int64, the row of each photo by a column; -1: none.
        b: The same by another column.
    """
    agreed = a[a == b]
    both = (a >= 0) & (b >= 0) & ~np.isin(a, agreed) & ~np.isin(b, agreed)
    return bool(both.any()) or bool(set(a) & set(b) - {-1, *agreed})


def _note_rows(match: Match, unknown: pd.Series, dataset: Dataset, repeated: int) -> dict[str, int]:
    """Return sentence → number of its rows: matched inexactly, not matched by a name, repeated."""
    shared = int(find_names(unknown).isin(find_names(dataset.manifest["path"])).sum())
    return {
        f"{count(match.inexact, 'photo')} matched by the end of the path.": match.inexact,
        f"{count(shared, 'row')} not matched, because several photos or rows have this file "
        "name.": shared,
        f"{count(repeated, 'row')} repeated an earlier one.": repeated,
    }


def _check_repeated(predictions: pd.DataFrame, match: Match) -> int:
    """Return the number of matched rows that repeat an earlier one.

    Raises:
        PredictionsRefused: A photo has two different predictions.
    """
    again = np.flatnonzero(match.is_known & pd.Series(match.codes).duplicated().to_numpy())
    first = np.unique(match.codes, return_index=True)[1][match.codes[again]]
    later, earlier = (predictions.iloc[some].astype("str").to_numpy() for some in (again, first))
    if (differs := (later != earlier).any(axis=1)).any():
        row = differs.argmax()
        raise PredictionsRefused(
            f"Rows {first[row] + 1:,} and {again[row] + 1:,} give a photo different predictions "
            f"(photos with several: {len(set(first[differs])):,}).",
            "Leave one row for each photo.",
        )
    return len(again)


def _count_splits(splits: np.ndarray, matched: np.ndarray) -> tuple[str, ...]:
    """Return “512 of 551 validation photos matched.” for each split with photos."""
    totals = {split: int((splits == split).sum()) for split in SPLITS}
    return tuple(
        f"{int(matched[splits == split].sum()):,} of {total:,} {split} photos matched."
        for split, total in totals.items()
        if total
    )
