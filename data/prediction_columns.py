"""The columns of a table that hold predictions, by their heads and cells.

A column of scores belongs to the family of a pattern, as “prob_daisy” and “prob_rose” to “prob_*”.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.errors import PredictionsRefused
from data.dataset import Dataset
from data.prediction_tables import check_column, read_numbers, read_texts
from data.sources.columns import HEADS, fold_head
from data.sources.names import list_names

_PREDICTED = (
    "prediction predictions pred preds predicted predicted_class predicted_label predicted_name "
    "pred_class pred_label pred_name prediction_label prediction_class y_pred yhat y_hat top1 "
    "top_1 top class_1 model_prediction"
)
_LABELS = " ".join(HEADS["class"])
_SCORES = (
    "confidence conf score scores prob probs probability proba p score_1 top1_score certainty "
    "top_score max_prob max_score pred_score pred_prob prediction_score predicted_score"
)
_NO_NUMBERS = ("", "nan", "null", "none", "na", "n/a", "inf", "-inf", "infinity", "-infinity")
_HEAD_ROWS, _NEAR = 1_000, 1e-2
_KINDS = ("lists", "fractions numbers", "numbers words")
Scale = Literal["probabilities", "logits", "sigmoid", "percent"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The answers of a person; None: proposed."""

    photo_column: str | None = None
    class_column: str | None = None
    score_column: str | None = None
    """The column of lists, of the score of the predicted class, or “prob_*”."""
    names: Mapping[str, str] | None = None
    """Name in the file → class of the dataset; "": none of them, and left out."""
    scale: Scale | None = None


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of predictions."""

    every: str | None
    """The scores of all classes: a column of lists, or the pattern of `names`."""
    names: Mapping[str, str]
    """Head of a column of scores → the name of its class in the file."""
    predicted: str | None
    score: str | None
    """The score of the predicted class."""

    @property
    def heads(self) -> list[str]:
        """All columns that are used."""
        single = (None if self.names else self.every, self.predicted, self.score)
        return [*self.names, *filter(None, single)]

    @property
    def words(self) -> tuple[str, ...]:
        """A sentence on each kind of column."""
        columns = f"{len(self.names)} columns, “{self.every}”" if self.names else f"“{self.every}”"
        if self.every == "*":
            columns = f"{len(self.names)} columns, one for each class"
        said = (
            f"Scores of all classes: {columns}." if self.every else "",
            f"Predicted class: “{self.predicted}”." if self.predicted else "",
            f"Score of the predicted class: “{self.score}”." if self.score else "",
        )
        return tuple(filter(None, said))


def find_columns(rows: pd.DataFrame, dataset: Dataset, choices: Choices) -> Columns:
    """Return the columns of predictions.

    Raises:
        PredictionsRefused: A chosen column is missing, none can be the prediction, or several can.
    """
    class_column, score_column = choices.class_column, choices.score_column
    kinds = {head: find_kind(rows[head]) for head in rows}
    of_kind = {kind: [head for head in rows if kinds[head] in kind] for kind in _KINDS}
    numbers, whole = of_kind["fractions numbers"], of_kind["numbers words"]
    families = _find_families(numbers, dataset)
    for chosen in (class_column, score_column):
        check_column(chosen, [*rows, *families])
    usual = [one for one in families if 2 * len(families[one]) >= len(dataset.classes)]
    every = None if score_column else _choose("score_column", usual or of_kind["lists"])
    if score_column in families or score_column in of_kind["lists"]:
        every = score_column
    predicted, labels = (
        [head for head in whole if fold_head(head) in words.split()]
        for words in (_PREDICTED, _LABELS)
    )
    named = predicted[:1] if every else predicted or labels
    found = class_column or _choose("class_column", named)
    scores = [head for head in numbers if fold_head(head) in _SCORES.split() and head != found]
    if every is None and found is None:
        raise PredictionsRefused(
            "No column has predictions: neither scores under the names of the classes, nor the "
            "predicted class.",
            "Choose the column of the predicted class (--class-column).",
            question="class_column",
            options=tuple(whole),
        )
    names = families.get(every or "", {})
    others = [head for head in numbers if head not in (*names, *scores, found)]
    if every == "*" and others:
        names = names | _find_others(rows, [*names], others)
    score = None if every else score_column or _choose("score_column", scores)
    return Columns(every=every, names=names, predicted=found, score=score)


def _choose(field: str, heads: Sequence[str]) -> str | None:
    """Return the only one of some columns; None without one.

    Raises:
        PredictionsRefused: There are several.
    """
    if len(heads) < 2:
        return heads[0] if heads else None
    what = "the scores" if field == "score_column" else "the predicted class"
    raise PredictionsRefused(
        f"Several columns can be {what}: {list_names(heads)}.",
        f"Choose one (--{field.replace('_', '-')}).",
        question=field,
        options=tuple(heads),
    )


def find_kind(cells: pd.Series) -> str:
    """Return the kind of a column by its first rows: lists, fractions, numbers (whole) or words."""
    cells = cells.head(_HEAD_ROWS)
    if isinstance(cell := cells.iat[0], list | np.ndarray) or str(cell).lstrip().startswith("["):
        return "lists"
    numbers = read_numbers(cells)
    others = cells[np.isnan(numbers)]
    if len(others) and not read_texts(others).str.lower().isin(_NO_NUMBERS).all():
        return "words"
    return "fractions" if (numbers[np.isfinite(numbers)] % 1 > 0).any() else "numbers"


def fold_class(name: str) -> str:
    """Return the name of a class without capitals, gaps and a number in front (“01_daisy”)."""
    plain = unicodedata.normalize("NFC", name).casefold().strip()
    return re.sub(r"[\s_-]+", "", re.sub(r"^\d+[\s._-]+(?=.)", "", plain))


def _find_families(heads: Sequence[str], dataset: Dataset) -> dict[str, dict[str, str]]:
    """Return pattern of heads (“*”, “prob_*”, “*_score”) → head → name of the class in it.

    Each family has two classes of the dataset, or all of their numbers from 0.
    """
    families: dict[str, dict[str, str]] = defaultdict(dict)
    for head in heads:
        families["*"][head] = head
        for sign in re.finditer(r"[\s_.:/-]+", head):
            families[f"{head[: sign.end()]}*"][head] = head[sign.end() :]
            families[f"*{head[sign.start() :]}"][head] = head[: sign.start()]
    classes = {fold_class(name) for name in dataset.classes}
    numbers = set(map(str, range(len(classes))))
    found: dict[str, dict[str, str]] = {}
    for pattern, names in families.items():
        known = {head: name for head, name in names.items() if fold_class(name) in classes}
        if not known and numbers <= set(names.values()):
            known = {head: name for head, name in names.items() if name in numbers}
        if len(known) > 1 and not any(known.keys() <= other.keys() for other in found.values()):
            found[pattern] = known if pattern == "*" else names
    return found


def _find_others(rows: pd.DataFrame, heads: list[str], others: list[str]) -> dict[str, str]:
    """Return columns of other classes: those without which the scores have no common sum."""
    sums = rows[heads].apply(read_numbers).sum(axis=1)
    whole = rows[others].apply(read_numbers).sum(axis=1) + sums
    if any(is_near(sums, total) < is_near(whole, total) for total in (1, 100)):
        return {head: head for head in others}
    return {}


def is_near(sums: np.ndarray, total: float) -> bool:
    """Return whether all sums are a total, as rounded scores give it."""
    return bool((np.abs(np.asarray(sums) / total - 1) <= _NEAR).all())
