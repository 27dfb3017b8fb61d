"""Predictions that were made elsewhere: what a table of them means for a dataset.

A table can be read in several ways; a reading that is not clear is asked for, never guessed: the
error then has the facts `question` (a field of Choices) and `options`. No photo is opened.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from core.config import fingerprint
from core.errors import PredictionsRefused
from core.formats import count
from data.dataset import Dataset
from data.prediction_columns import (
    NAMES_LISTED,
    Choices,
    Columns,
    Scale,
    find_columns,
    find_photos,
    is_near,
    match_names,
)
from data.prediction_tables import Match, find_names, read_cells, read_numbers, read_texts
from data.sources.names import list_names
from data.splits import SPLITS

Scored = Literal["all", "predicted", "none"]
_SCALES: dict[Scale, str] = {
    "probabilities": "These are probabilities: their sum is 1.",
    "percent": "These are percent: their sum is 100. They were divided by it.",
    "sigmoid": "These look like sigmoid scores: 0 to 1, with another sum than 1. They were divided "
    "by their sum.",
    "logits": "These look like logits: softmax was applied.",
}
_TINY = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Understood:
    """A table of predictions as it was understood for a dataset of n photos and k classes."""

    scores: np.ndarray
    """(n, k) float32; the rows of matched photos sum to 1, others are 0."""
    scored: Scored
    """Whether the scores of all classes are known, of the predicted class alone, or none."""
    choices: Choices
    """The choices that give this reading again; its names include the proposed ones."""
    words: tuple[str, ...]
    """Sentences on each column that is used, the scale of scores, and all that is odd."""
    sentences: tuple[str, ...]
    """“512 of 551 validation photos matched.”, for each split with photos."""
    rows: int
    unknown: tuple[str, ...]
    """The first 1,000 names in the file without a photo."""
    unknown_rows: int
    proposed: Mapping[str, str]
    """Name in the file → class that it probably is, to be confirmed."""

    @property
    def matched(self) -> np.ndarray:
        """Photos with a prediction, (n,) bool."""
        return np.asarray(self.scores.any(axis=1))

    @property
    def digest(self) -> str:
        """The id of the predictions: equal scores of the same photos have the same one."""
        digest = hashlib.blake2b(self.scores.data, digest_size=32)
        digest.update(self.matched.data)
        return fingerprint({"scores": digest.hexdigest(), "scored": self.scored})

    def check_names(self, remedy: str) -> None:
        """Check that no name is left to be confirmed.

        Raises:
            PredictionsRefused: Some are only proposed.
        """
        if self.proposed:
            meant = ", ".join(f"“{name}” is “{of}”" for name, of in self.proposed.items())
            problem = f"Names in the table differ from classes in spelling: {meant}."
            options = tuple(self.proposed)
            raise PredictionsRefused(problem, remedy, question="names", options=options)


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
    photo, match = find_photos(cells, dataset, choices.photo_column)
    rows = cells.drop(columns=photo).iloc[match.rows[match.rows >= 0]]
    columns = find_columns(rows, dataset, choices)
    known = np.isin(match.same, match.rows)
    repeated = _check_repeated(cells[columns.heads], known, match)
    reader = _Reader(rows, dataset, columns, choices)
    scores = np.zeros((len(dataset), len(dataset.classes)), dtype=np.float32)
    scores[match.rows >= 0] = reader.read()
    matched = np.asarray(scores.any(axis=1))
    is_right = (scores.argmax(axis=1) == dataset.labels)[matched]
    unknown = read_texts(cells[photo][~known])
    unused = cells.columns.drop([photo, *columns.heads])
    odd = {
        **_note_rows(match, unknown, dataset),
        f"{count(repeated, 'row')} repeated an earlier one.": repeated,
        f"Columns that were not used: {list_names(unused)}.": len(unused),
        f"All predictions are right: check that “{columns.predicted}” is not the column of true "
        "classes.": columns.every is None and is_right.all(),
    }
    return Understood(
        scores=scores,
        scored=reader.scored,
        choices=replace(reader.choices, photo_column=photo),
        words=(f"Photos: “{photo}”.", *reader.words, *(one for one, is_so in odd.items() if is_so)),
        sentences=tuple(
            f"{int(matched[of].sum()):,} of {len(of):,} {split} photos matched."
            for split in SPLITS
            if len(of := dataset.photo_numbers(split))
        ),
        rows=len(cells),
        unknown=tuple(unknown.head(NAMES_LISTED)),
        unknown_rows=len(unknown),
        proposed=reader.proposed,
    )


def _note_rows(match: Match, unknown: pd.Series, dataset: Dataset) -> dict[str, int]:
    """Return sentence → number of its rows: matched by the end of a path, or not matched."""
    shared = int(find_names(unknown).isin(find_names(dataset.manifest["path"])).sum())
    return {
        f"{count(match.inexact, 'photo')} matched by the end of the path.": match.inexact,
        f"{count(len(unknown), 'row')} without a photo of the dataset, such as "
        f"{list_names(unknown.head(3))}.": len(unknown),
        f"{count(shared, 'row')} not matched, because several photos or rows have this file "
        "name.": shared,
    }


def _check_repeated(predictions: pd.DataFrame, known: np.ndarray, match: Match) -> int:
    """Return the number of matched rows that repeat an earlier one.

    Raises:
        PredictionsRefused: A photo has two different predictions.
    """
    again = np.flatnonzero(known & (match.same != np.arange(len(known))))
    first = match.same[again]
    later, earlier = (predictions.iloc[some].astype("str").to_numpy() for some in (again, first))
    if (differs := (later != earlier).any(axis=1)).any():
        raise PredictionsRefused(
            f"Rows {first[differs][0] + 1:,} and {again[differs][0] + 1:,} give a photo different "
            f"predictions (photos with several: {len(set(first[differs])):,}).",
            "Leave one row for each photo.",
        )
    return len(again)


class _Reader:
    """Reads the scores of m rows, and collects what has to be said of them.

    `choices` and `scored` are settled by the reading.
    """

    def __init__(
        self, rows: pd.DataFrame, dataset: Dataset, columns: Columns, choices: Choices
    ) -> None:
        """Take the rows; their index is the number of the row in the table, from 0."""
        self._rows, self._dataset, self._columns, self.choices = rows, dataset, columns, choices
        self.scored: Scored = "all"
        self.words: list[str] = []
        self.proposed: dict[str, str] = {}

    def read(self) -> np.ndarray:
        """Return scores, (m, k): rows sum to 1, or to 0 without a predicted class.

        Raises:
            PredictionsRefused: A score is missing or infinite, all scores of a row are 0, or a
                person has to say what a name or the scale means.
        """
        every, _, column, score = self._columns
        predicted = np.full(len(self._rows), -1)
        if column is not None:  # the number of the class; -1 where it is empty
            self.words.append(f"Predicted class: “{column}”.")
            codes, values = pd.factorize(read_texts(self._rows[column]))
            names, classes = self._match(values), [*self._dataset.classes, ""]
            numbers = dict(zip(classes, [*range(len(classes) - 1), -1], strict=True))
            predicted = np.take([numbers[names[name]] for name in values], codes)
        scores = self._share(predicted) if every is None else self._read_all(every)
        names = {**self.choices.names, **self.proposed}
        self.choices = replace(
            self.choices, class_column=column, score_column=every or score, names=names
        )
        if others := int(((predicted >= 0) & (scores.argmax(axis=1) != predicted)).sum()):
            said = f"In {count(others, 'row')} the class with the highest score is not the class"
            self.words.append(f"{said} in “{column}”.")
        return scores

    def _share(self, predicted: np.ndarray) -> np.ndarray:
        """Return scores with the rest of the score of the predicted class shared equally."""
        k, column, is_given = len(self._dataset.classes), self._columns.score, predicted >= 0
        if not is_given.any():
            raise PredictionsRefused(
                f"No row of “{self._columns.predicted}” has a class of this dataset.",
                "Choose another column of the predicted class (--class-column).",
            )
        if not is_given.all():
            self.words.append(f"{count(int((~is_given).sum()), 'row')} without a predicted class.")
        scale, self.scored, shares = self.choices.scale, "none", np.ones(len(predicted))
        if column is not None:
            read = np.where(is_given, read_numbers(self._rows[column]), 1)
            self._refuse(~np.isfinite(read), "empty or no number")
            scale = scale or ("percent" if 1 + _TINY < read.max() <= 100 else "probabilities")
            read = np.where(is_given, read / (100 if scale == "percent" else 1), 1)
            if wrong := int(((read < 1 / k + _TINY) | (read > 1 + _TINY)).sum()):
                self.words.append(
                    f"“{column}” was not used: in {count(wrong, 'row')} it is above 1, or not "
                    f"above 1/{k}, so it cannot be the highest of {k} classes."
                )
            else:
                whole = "100 %" if scale == "percent" else "1"
                said = f"the other classes share the rest of each score, up to {whole}, equally."
                self.words.append(f"Score of the predicted class: “{column}”; {said}")
                shares, self.scored = np.minimum(read, 1), "predicted"
        self.choices = replace(self.choices, scale=scale if self.scored == "predicted" else None)
        scores = np.repeat((1 - shares)[:, None] / (k - 1), k, axis=1)
        scores[np.arange(len(scores)), predicted] = shares
        scores[~is_given] = 0
        return scores

    def _read_all(self, every: str) -> np.ndarray:
        """Return the scores of all classes, (m, k) float64."""
        classes, names = self._dataset.classes, [*self._columns.names.values()]
        said = f"“{every}”" if len(names) < 2 else f"{len(names)} columns, “{every}”"
        said = said if every != "*" else f"{len(names)} columns, one for each class"
        self.words.append(f"Scores of all classes: {said}.")
        if names:
            raw = np.column_stack([read_numbers(self._rows[head]) for head in self._columns.names])
        else:
            raw, names = self._read_lists(self._rows[every]), [*classes]
            order = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
            self.words.append(f"Each list is in the order of the dataset's classes: {order}.")
        self._refuse(~np.isfinite(raw).all(axis=1), "empty or no number")
        known = self._match(
            name for n, name in enumerate(names) if name in classes or raw[:, n].any()
        )
        meant = [known.get(name, "") for name in names]
        if left := [name for name, of in zip(names, meant, strict=True) if not of]:
            self.words.append(f"Scores that were left out: {list_names(left)}.")
        if len(names) == 1 and meant[0]:
            meant += [other for other in classes if other != meant[0]]
            raw = np.column_stack([raw, 1 - raw])
            self.words.append(f"“{every}” is the score of {meant[0]}; {meant[1]} has the rest.")
        if not any(meant):
            problem, remedy = "All scores were left out.", "Name their classes (--same NAME=CLASS)."
            raise PredictionsRefused(problem, remedy, question="names", options=tuple(names))
        if absent := set(classes) - set(meant):
            self.words.append(f"The score of classes without a column is 0: {list_names(absent)}.")
        kept = np.flatnonzero(meant)
        shares = self._convert(raw[:, kept], raw.sum(axis=1))
        scores = np.zeros((len(raw), len(classes)))
        for n, share in zip(kept, shares.T, strict=True):
            scores[:, classes.index(meant[n])] += share
        return scores

    def _read_lists(self, cells: pd.Series) -> np.ndarray:
        """Return a column of lists of k numbers, or of their text, as (m, k) float64."""
        scores = np.full((len(cells), k := len(self._dataset.classes)), np.nan)
        for place, cell in enumerate(cells):
            part = re.findall(r"[^\s,\[\]()]+", cell) if isinstance(cell, str) else cell
            n = len(part) if isinstance(part, list | np.ndarray) else 0
            if n != k:
                raise PredictionsRefused(
                    f"Row {cells.index[place] + 1:,} has {count(n, 'score')} for {k} classes.",
                    "Write one score for each class, in the order of the dataset's classes.",
                )
            with suppress(TypeError, ValueError):  # refused as no number
                scores[place] = part
        return scores

    def _refuse(self, wrong: np.ndarray, problem: str) -> None:
        """Raise the refusal of rows with wrong scores, (m,) bool, if there are some."""
        if wrong.any():
            rows = [f"{row + 1:,}" for row in sorted(self._rows.index[wrong])[:5]]
            raise PredictionsRefused(
                f"{count(int(wrong.sum()), 'row')} with a score that is {problem}, first: row "
                f"{', '.join(rows)} (1 is the row below the head).",
                "Correct these rows, or leave them out.",
            )

    def _convert(self, raw: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Return scores as probabilities, (m, c) float64, and note their scale.

        Args:
            raw: (m, c).
            whole: (m,), the sums with columns that are left out.
        """
        low, high, sums = raw.min(), raw.max(), (raw.sum(axis=1), whole)
        likely: Scale | None = "logits" if low < -_TINY else "sigmoid" if high <= 1 else None
        if likely != "logits" and any(is_near(some, 1) for some in sums):
            likely = "probabilities"
        elif likely is None and any(is_near(some, 100) for some in sums):
            likely = "percent"
        scale = self.choices.scale or likely
        if scale is None or (low < -_TINY and scale != "logits"):
            raise PredictionsRefused(
                f"Scores from {low:.3g} to {high:.3g} cannot be {scale}."
                if scale
                else "The scale of the scores is not clear: none is below 0, some are above 1, and "
                "their sums differ.",
                "Choose another one (--scale).",
                question="scale",
                options=("logits", "percent") if low >= -_TINY else ("logits",),
            )
        done = "softmax was applied" if scale == "logits" else "divided by their sum"
        chosen = f"Taken as {scale}, as chosen: {done}."
        self.words.append(_SCALES[scale] if scale == likely else chosen)
        self.choices = replace(self.choices, scale=scale)
        raw = np.exp(raw - raw.max(axis=1, keepdims=True)) if scale == "logits" else raw
        raw = raw.clip(min=0)
        self._refuse(raw.sum(axis=1) == 0, "0 for all classes")
        return np.asarray(raw / raw.sum(axis=1, keepdims=True))

    def _match(self, listed: Iterable[str]) -> dict[str, str]:
        """Return the class of each name in the file; "" where it is left out."""
        names, proposed, note = match_names(listed, self._dataset, self.choices.names)
        self.proposed |= proposed
        self.words += [note] if note else []
        return names
