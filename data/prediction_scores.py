"""Scores and predicted classes as probabilities of the classes of a dataset."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import PredictionsRefused
from core.formats import count
from data.dataset import Dataset
from data.prediction_columns import Choices, Columns, Scale, fold_class, is_near
from data.prediction_tables import read_numbers, read_texts
from data.sources.names import list_names

Scored = Literal["all", "predicted", "none"]
_SCALES: dict[Scale, str] = {
    "probabilities": "These are probabilities: their sum is 1.",
    "percent": "These are percent: their sum is 100. They were divided by it.",
    "sigmoid": "These look like sigmoid scores: 0 to 1, with another sum than 1. They were divided "
    "by their sum.",
    "logits": "These look like logits: softmax was applied.",
}
_BLOCK, _TINY, _NAMES_ASKED = 65_536, 1e-6, 1_000
_EMPTY = "empty or no number"


class Reader:
    """Reads the scores of m rows, and collects what has to be said of them.

    `scale`, its sentence `scale_words` and `scored` are known after the reading.
    """

    def __init__(
        self, rows: pd.DataFrame, dataset: Dataset, columns: Columns, choices: Choices
    ) -> None:
        """Take the rows; their index is the number of the row in the table, from 0."""
        self._rows, self._dataset, self._columns = rows, dataset, columns
        self._given = choices.names or {}
        self.scale: Scale | None = choices.scale
        self.scale_words = ""
        self.scored: Scored = "all"
        self.notes: list[str] = []
        self.proposed: dict[str, str] = {}

    def settle(self) -> Choices:
        """Return the choices that lead to this reading, without the column of photos."""
        return Choices(
            class_column=self._columns.predicted,
            score_column=self._columns.every or self._columns.score,
            names={**self._given, **self.proposed},
            scale=self.scale,
        )

    def read(self) -> np.ndarray:
        """Return scores, (m, k) float32: rows sum to 1, or to 0 without a predicted class.

        Raises:
            PredictionsRefused: A score is missing or infinite, all scores of a row are 0, or a
                person has to say what a name or the scale means.
        """
        columns = self._columns
        predicted = np.full(len(self._rows), -1)
        if columns.predicted is not None:
            predicted = self._read_predicted(columns.predicted)
        scores = self._share(predicted) if columns.every is None else self._read_all(columns.every)
        if others := int(((predicted >= 0) & (scores.argmax(axis=1) != predicted)).sum()):
            self.notes.append(
                f"In {count(others, 'row')} the highest score is of another class than in "
                f"“{columns.predicted}”."
            )
        return np.asarray(scores, dtype=np.float32)

    def _read_predicted(self, column: str) -> np.ndarray:
        """Return the number of the predicted class, (m,) int64; -1 where it is empty."""
        codes, values = pd.factorize(read_texts(self._rows[column]))
        names = self._match_names(values)
        numbers = {name: number for number, name in enumerate(self._dataset.classes)}
        found = [numbers.get(names[name], -1) for name in values]
        return np.asarray(np.take(found, codes))

    def _share(self, predicted: np.ndarray) -> np.ndarray:
        """Return scores with the rest of the score of the predicted class shared equally."""
        k, is_given = len(self._dataset.classes), predicted >= 0
        if not is_given.any():
            raise PredictionsRefused(
                f"“{self._columns.predicted}” has a class of this dataset in no row.",
                "Choose another column of the predicted class (--class-column).",
            )
        if not is_given.all():
            self.notes.append(f"{count(int((~is_given).sum()), 'row')} without a predicted class.")
        shares, self.scored = is_given.astype(np.float64), "none"
        if self._columns.score:
            read = np.where(is_given, read_numbers(self._rows[self._columns.score]), 1)
            self._refuse(~np.isfinite(read), _EMPTY)
            if self.scale is None:
                self.scale = "percent" if 1 + _TINY < read.max() <= 100 else "probabilities"
            read = read / 100 if self.scale == "percent" else read
            if wrong := int((is_given & ((read < 1 / k + _TINY) | (read > 1 + _TINY))).sum()):
                self.notes.append(
                    f"“{self._columns.score}” was not used: in {count(wrong, 'row')} it is above "
                    f"1, or not above 1/{k}, so it cannot be the highest of {k} classes."
                )
            else:
                whole = "100 %" if self.scale == "percent" else "1"
                self.scale_words = (
                    f"The other classes share the rest of each score, up to {whole}, equally."
                )
                shares, self.scored = np.minimum(shares * read, 1), "predicted"
        self.scale = None if self.scored == "none" else self.scale
        scores = np.repeat(np.where(is_given, (1 - shares) / (k - 1), 0)[:, None], k, axis=1)
        scores[is_given, predicted[is_given]] = shares[is_given]
        return scores

    def _read_all(self, every: str) -> np.ndarray:
        """Return the scores of all classes, (m, k) float64."""
        classes = self._dataset.classes
        if names := self._columns.names:
            raw = np.column_stack([read_numbers(self._rows[head]) for head in names])
        else:
            raw, names = self._read_lists(self._rows[every]), {name: name for name in classes}
            order = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
            self.notes.append(f"Each list is in the order of the dataset's classes: {order}.")
        self._refuse(~np.isfinite(raw).all(axis=1), _EMPTY)
        known = self._match_names(
            name for n, name in enumerate(names.values()) if name in classes or raw[:, n].any()
        )
        kept = [n for n, name in enumerate(names.values()) if known.get(name)]
        shares = self._convert(raw[:, kept], raw.sum(axis=1))
        scores = np.zeros((len(raw), len(classes)))
        for n, share in zip(kept, shares.T, strict=True):
            scores[:, classes.index(known[[*names.values()][n]])] += share
        if absent := set(classes) - set(known.values()):
            self.notes.append(f"The score of classes without a column is 0: {list_names(absent)}.")
        if left := [name for name in names.values() if not known.get(name)]:
            self.notes.append(f"Scores that were left out: {list_names(left)}.")
        return scores

    def _read_lists(self, cells: pd.Series) -> np.ndarray:
        """Return a column of lists of k numbers, or of their text, as (m, k) float64."""
        k = len(self._dataset.classes)
        scores = np.empty((len(cells), k))
        for start in range(0, len(cells), _BLOCK):
            some = cells.iloc[start : start + _BLOCK]
            parts = [
                re.findall(r"[^\s,\[\]()]+", str(cell)) if isinstance(cell, str) else cell
                for cell in some
            ]
            lengths = np.array(
                [len(part) if isinstance(part, list | np.ndarray) else 0 for part in parts]
            )
            if (other := lengths != k).any():
                raise PredictionsRefused(
                    f"Row {some.index[other.argmax()] + 1:,} has "
                    f"{count(int(lengths[other.argmax()]), 'score')} for {k} classes.",
                    "Write one score for each class, in the order of the dataset's classes.",
                )
            flat = pd.Series(np.concatenate(parts))
            scores[start : start + len(some)] = read_numbers(flat).reshape(-1, k)
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
        low, sums = raw.min(), (raw.sum(axis=1), whole)
        tests: dict[Scale, bool] = {
            "logits": low < -_TINY,
            "probabilities": any(is_near(some, 1) for some in sums),
            "percent": any(is_near(some, 100) for some in sums),
            "sigmoid": raw.max() <= 1,
        }
        likely = next((scale for scale, is_it in tests.items() if is_it), None)
        self.scale = self.scale or likely
        if self.scale is None or (low < -_TINY and self.scale != "logits"):
            raise PredictionsRefused(
                f"Scores from {low:.3g} to {raw.max():.3g} cannot be {self.scale}."
                if self.scale
                else "The scale of the scores is not clear: none is below 0, some are above 1, and "
                "their sums differ.",
                "Choose another one (--scale).",
                question="scale",
                options=("logits", "percent") if low >= -_TINY else ("logits",),
            )
        done = "softmax was applied" if self.scale == "logits" else "divided by their sum"
        self.scale_words = f"Taken as {self.scale}, as chosen: {done}."
        if self.scale == likely:
            self.scale_words = _SCALES[likely]
        if self.scale == "logits":
            raw = np.exp(raw - raw.max(axis=1, keepdims=True))
        raw = raw.clip(min=0)
        self._refuse(raw.sum(axis=1) == 0, "0 for all classes")
        return np.asarray(raw / raw.sum(axis=1, keepdims=True))

    def _match_names(self, listed: Iterable[str]) -> dict[str, str]:
        """Return the class of each name in the file; "" where it is left out."""
        classes, numbers = self._dataset.classes, self._dataset.numbers
        known = {*classes, ""}
        names = {name: self._given.get(name, name) for name in listed}
        if wrong := {*self._given.values()} - known:
            raise PredictionsRefused(
                f"“{self._dataset.name}” has no class {list_names(wrong)}.",
                f"Its classes are {list_names(classes)}.",
            )
        rest = [name for name, meant in names.items() if meant not in known]
        if len(rest) == len(set(names) - {""}) and all(
            re.fullmatch(r"\d{1,6}", name, re.ASCII) for name in rest
        ):
            values = set(map(int, rest))
            for order, end in ((range(len(classes)), 0), (numbers, max(numbers))):
                if rest and end in values <= set(order):
                    of = dict(zip(order, classes, strict=True))
                    names |= {name: of[int(name)] for name in rest}
                    self.notes.append(
                        f"Class {min(order)} is taken to be “{classes[0]}”, and so on."
                    )
                    rest = []
        alike = defaultdict[str, list[str]](list)
        for one in classes:
            alike[fold_class(one)].append(one)
        found = {name: alike.get(fold_class(name), []) for name in rest}
        new = {name: some[0] for name, some in found.items() if len(some) == 1}
        if unclear := [name for name in rest if name not in new]:
            raise PredictionsRefused(
                f"{count(len(unclear), 'class name')} of the file could not be matched to one "
                f"class of “{self._dataset.name}”: {list_names(unclear)}.",
                "Name their classes (--same NAME=CLASS; without CLASS, the name is left out): "
                f"{list_names(classes)}.",
                question="names",
                options=tuple(unclear[:_NAMES_ASKED]),
            )
        self.proposed |= new
        return names | new
