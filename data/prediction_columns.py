"""The columns of a table of predictions: of photos, of scores, and of predicted classes.

A column of scores belongs to the family of a pattern, as “prob_daisy” and “prob_rose” to “prob_*”.
A choice that is not clear is asked for: the refusal has the facts `question` and `options`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from core.errors import PredictionsRefused
from core.formats import count
from data.dataset import Dataset
from data.prediction_tables import Match, match_photos, read_numbers, read_texts
from data.sources.columns import HEADS, fold_head
from data.sources.names import fold_name, list_names

Scale = Literal["probabilities", "logits", "sigmoid", "percent"]
_PHOTOS = ["|".join(words.split()) for words in HEADS["path"]]
_PHOTOS += ["(photo_)?sha_?256|digest|hash|checksum"]
_PREDICTED = r"((model_|y_)?pred(s|icted|ictions?)?|y_?hat|top(_?1)?|class_1)(_(class|label|name))?"
_LABELS = "|".join(" ".join(HEADS["class"]).split())
_SCORES = (
    r"((top_?1?|max|pred(icted|iction)?)_)?"
    r"(conf(idence)?|scores?|prob(s|ability|a)?|p|certainty|sigmoid)(_1)?"
)
_NO_NUMBERS = ("", "nan", "null", "none", "na", "n/a", "inf", "-inf", "infinity", "-infinity")
NAMES_LISTED = 1_000
_NUMBER = re.compile(r"\d{1,6}", re.ASCII)
_HEAD_ROWS, _NEAR = 1_000, 1e-2
_ASKED = {
    "photo_column": ("photos", "--photos-column"),
    "class_column": ("predicted class", "--class-column"),
    "score_column": ("scores", "--score-column"),
}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The answers of a person; None: proposed."""

    photo_column: str | None = None
    class_column: str | None = None
    score_column: str | None = None
    """The column of lists, of the score of the predicted class, or “prob_*”."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Name in the file → class of the dataset; "": none of them, and left out."""
    scale: Scale | None = None


class Columns(NamedTuple):
    """The columns of predictions."""

    every: str | None
    """The scores of all classes: a column of lists, or the pattern of `names`."""
    names: dict[str, str]
    """Head of a column of scores → the name of its class in the file."""
    predicted: str | None
    score: str | None
    """The score of the predicted class."""

    @property
    def heads(self) -> list[str]:
        """All columns that are used."""
        single = (None if self.names else self.every, self.predicted, self.score)
        return [*self.names, *filter(None, single)]


def _choose(
    question: str, heads: Collection[str], chosen: str | None, known: Collection[str]
) -> str | None:
    """Return the chosen column, else the only one of some; None without one.

    Raises:
        PredictionsRefused: The chosen one is not known, or there are several.
    """
    if chosen is not None and chosen not in known:
        problem = f"The table has no column “{chosen}”."
        raise PredictionsRefused(problem, f"Choose one of {list_names(known)}.")
    if chosen is not None or len(heads) < 2:
        return chosen or next(iter(heads), None)
    noun, option = _ASKED[question]
    problem = f"Several columns can hold the {noun}: {list_names(heads)}."
    remedy = f"Choose one ({option})."
    raise PredictionsRefused(problem, remedy, question=question, options=tuple(heads))


def find_photos(cells: pd.DataFrame, dataset: Dataset, chosen: str | None) -> tuple[str, Match]:
    """Return the column that names photos: by its head, else by its cells.

    Raises:
        PredictionsRefused: No column does, or several name different photos.
    """
    _choose("photo_column", (), chosen, cells.columns)
    named = [_find_heads(cells, words) for words in _PHOTOS]
    others = (head for head in cells if find_kind(cells[head]) == "words")
    for heads in [*named, others] if chosen is None else [[chosen]]:
        found = {head: match_photos(cells[head], dataset.manifest) for head in heads}
        found = {head: one for head, one in found.items() if (one.rows >= 0).any()}
        pairs = {pair for one in found.values() for pair in enumerate(one.rows) if pair[1] >= 0}
        if any(len(set(side)) < len(pairs) for side in zip(*pairs, strict=True)):
            _choose("photo_column", found, None, ())
        if found:
            return max(found.items(), key=lambda item: int((item[1].rows >= 0).sum()))
    head = chosen or next(iter(next(filter(None, named), cells)))
    raise PredictionsRefused(
        f"No row names a photo of “{dataset.name}”, such as “{dataset.manifest['path'].iat[0]}”. "
        f"The first row has “{cells[head].iat[0]}” in “{head}”.",
        "Choose the column with paths, file names or SHA-256 (--photos-column), or another "
        "dataset.",
        question="photo_column",
        options=tuple(cells),
    )


def find_columns(rows: pd.DataFrame, dataset: Dataset, choices: Choices) -> Columns:
    """Return the columns of predictions.

    Raises:
        PredictionsRefused: A chosen column is missing, none can be the prediction, or several can.
    """
    kinds = {head: find_kind(rows[head]) for head in rows}
    lists, numbers, whole = (
        [head for head in rows if kinds[head] in some]
        for some in ("lists", "fractions numbers", "numbers words")
    )
    families = _find_families(numbers, dataset)
    usual = [one for one in families if 2 * len(families[one]) >= len(dataset.classes)]
    wanted = choices.score_column
    every = _choose("score_column", usual or lists, wanted, [*rows, *families])
    every = every if every in (*families, *lists) else None
    predicted, labels = (_find_heads(whole, words) for words in (_PREDICTED, _LABELS))
    scores = [wanted] if wanted else _find_heads(numbers, _SCORES)
    is_alone = not (every or predicted or choices.class_column) and len(scores) == 1
    if is_alone and _is_of_one_class(rows[scores[0]], dataset, choices, bool(labels)):
        return Columns(scores[0], {scores[0]: scores[0]}, None, None)
    named = predicted[:1] if every else predicted or labels
    found = _choose("class_column", named, choices.class_column, rows.columns)
    scores = [head for head in scores if head != found]
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
    return Columns(
        every, names, found, None if every else _choose("score_column", scores, None, ())
    )


def _find_heads(heads: Iterable[str], words: str) -> list[str]:
    return [head for head in heads if re.fullmatch(words, fold_head(head))]


def _is_of_one_class(
    cells: pd.Series, dataset: Dataset, choices: Choices, beside_labels: bool
) -> bool:
    """Return whether a column has the score of one of two classes.

    Beside a column of classes, scores of 1/2 and more are those of these classes.

    Raises:
        PredictionsRefused: A person has to say which class it scores.
    """
    numbers = read_numbers(cells)
    low, high = numbers.min(), numbers.max()
    if len(dataset.classes) != 2 or low < 0 or high > 1 or (beside_labels and low >= 1 / 2):
        return False
    if cells.name not in choices.names:
        classes = list_names(dataset.classes)
        remedy = f"Choose the class of the high scores (--same {cells.name}=CLASS): {classes}."
        problem = f"“{cells.name}” is one score for two classes."
        raise PredictionsRefused(problem, remedy, question="names", options=(cells.name,))
    return True


def find_kind(cells: pd.Series) -> str:
    """Return the kind of a column by its first rows: lists, fractions, numbers (whole) or words."""
    cells = cells.head(_HEAD_ROWS)
    if isinstance(cell := cells.iat[0], list | np.ndarray) or str(cell).lstrip().startswith("["):
        return "lists"
    numbers = read_numbers(cells)
    if not read_texts(cells[np.isnan(numbers)]).str.lower().isin(_NO_NUMBERS).all():
        return "words"
    return "fractions" if (numbers[np.isfinite(numbers)] % 1 > 0).any() else "numbers"


def match_names(
    listed: Iterable[str], dataset: Dataset, given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], str]:
    """Return name in the file → class ("": left out), the same of proposed classes, and a note.

    Raises:
        PredictionsRefused: A given class is unknown, or a person has to say what a name means.
    """
    classes, known = dataset.classes, {*dataset.classes, ""}
    if wrong := {*given.values()} - known:
        problem = f"“{dataset.name}” has no class {list_names(wrong)}."
        raise PredictionsRefused(problem, f"Its classes are {list_names(classes)}.")
    names = {name: given.get(name, name) for name in listed}
    rest = [name for name, meant in names.items() if meant not in known]
    if len(rest) == len(names.keys() - {""}) and all(map(_NUMBER.fullmatch, rest)):
        for order, end in ((range(len(classes)), 0), (dataset.numbers, max(dataset.numbers))):
            if end in set(map(int, rest)) <= set(order):
                of = dict(zip(order, classes, strict=True))
                note = f"Class {min(order)} is taken to be “{classes[0]}”, and so on."
                return names | {name: of[int(name)] for name in rest}, {}, note
    folded = Counter(map(fold_class, classes))
    alike = {fold_class(one): one for one in classes if folded[fold_class(one)] == 1}
    new = {name: alike[fold_class(name)] for name in rest if fold_class(name) in alike}
    if unclear := [name for name in rest if name not in new]:
        raise PredictionsRefused(
            f"{count(len(unclear), 'class name')} of the file could not be matched to one class of "
            f"“{dataset.name}”: {list_names(unclear)}.",
            "Name their classes (--same NAME=CLASS; without CLASS, the name is left out): "
            f"{list_names(classes)}.",
            question="names",
            options=tuple(unclear[:NAMES_LISTED]),
        )
    return names | new, new, ""


def fold_class(name: str) -> str:
    """Return the name of a class without capitals, gaps and a number in front (“01_daisy”)."""
    return re.sub(r"[\s_-]+", "", re.sub(r"^\d+[\s._-]+(?=.)", "", fold_name(name.strip())))


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
