"""The table of the photos of a dataset, for queries and views.

Sizes, light and issues are always there; typicality and label scores come from the quality
analysis, predictions from a run. Sealed predictions are missing.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from core.datasets.quality.store import QualityResult, find_flags
from core.datasets.tags import PhotoTags
from core.evaluation.metrics import cross_entropies
from core.evaluation.mistakes import read_answers
from core.formats import guard_cells
from core.runs.result import RunResult
from data.dataset import Dataset
from data.findings import ISSUES, MEASURED, MEASURES
from data.splits import SPLITS

HUES: tuple[str, ...] = ("red", "orange", "yellow", "lime", "green", "jade")
HUES += ("cyan", "azure", "blue", "violet", "magenta", "pink")
"""Names of the twelve colours of the circle, 30 degrees each, red around 0."""
GREY = "grey"

ANSWERED = {
    "predicted": "Predicted",
    "score": "Score",
    "own_score": "Score of its class",
    "loss": "Loss",
    "entropy": "Entropy",
    "margin": "Margin",
    "right": "Correct",
    "wrong": "Wrong",
}
"""Columns from a run → title."""
ANALYSED = {
    "typicality": "Typicality",
    "outlier_score": "Outlier score",
    "label_score": "Label score",
    "suggested": "Suggested class",
    "leak": "Leak",
    "outlier": "Outlier",
    "suspect": "Suspect label",
}
"""Columns from the quality analysis → title."""
KNOWN = {
    "class": "Class",
    "split": "Split",
    "tag": "Tags",
    "path": "File",
    "size": "Long side",
    "short_side": "Short side",
    "width": "Width",
    "height": "Height",
    "pixels": "Pixels",
    "shape": "Width / height",
    "bytes": "Bytes",
    "format": "Format",
    "brightness": "Brightness",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "colourfulness": "Colourfulness",
    "colour": "Colour",
    "hue": "Hue",
    "dark": "Dark",
    "bright": "Bright",
    "blurred": "Blurred",
    "small": "Small",
    "odd_shape": "Odd shape",
    "grey": "Grey",
    "duplicate": "Duplicate",
}
"""Columns of every dataset → title."""
NAMES = KNOWN | ANSWERED | ANALYSED
WORDS = ("class", "split", "tag", "path", "format", "colour", "predicted", "suggested")
_BLOCK = 65_536
"""Photos whose scores are copied at once."""
FLAGS = (*ISSUES, "leak", "outlier", "suspect", "right", "wrong")
"""Columns of yes and no; WORDS are text, all others numbers."""
ABSENT = dict.fromkeys(
    ANSWERED, "Train a run on this dataset, then choose the run."
) | dict.fromkeys(ANALYSED, "Start the quality analysis on the page Quality.")
"""Columns that may be missing → how to get them."""


def describe_photos(
    dataset: Dataset, quality: QualityResult | None, tags: PhotoTags
) -> pd.DataFrame:
    """Return the columns that need no run, (n) rows: KNOWN, and ANALYSED after the analysis.

    `tag` has tuples.
    """
    borne = [tuple(tags.name_tags(row)) if tags.names else () for row in range(len(dataset))]
    manifest = dataset.manifest
    sides = manifest[["width", "height"]].to_numpy()
    hue, strength = manifest["hue"].to_numpy(), manifest["colourfulness"].to_numpy()
    columns = {
        "class": pd.Categorical.from_codes(dataset.labels, list(dataset.classes)),
        "split": pd.Categorical(manifest["split"], list(SPLITS)),
        "tag": pd.Series(borne, dtype=object),
        "path": manifest["path"],
        "size": sides.max(axis=1),
        "short_side": sides.min(axis=1),
        "pixels": sides.prod(axis=1),
        "shape": (sides[:, 0] / sides[:, 1]).astype(np.float64),
        "format": manifest["format"].astype("category"),
        "colour": pd.Categorical(name_colours(hue, strength), [*HUES, GREY]),
        **{name: manifest[name] for name in ("width", "height", "bytes")},
        **{name: manifest[name].astype(np.float64) for name in MEASURES},
        **{str(name): flags for name, flags in find_flags(manifest, quality).items()},
    }
    if quality is not None:
        photos = quality.photos
        columns |= {name: photos[name] for name in ("typicality", "outlier_score", "label_score")}
        columns["suggested"] = pd.Categorical(photos["suggested"], list(dataset.classes))
    return pd.DataFrame({name: columns[name] for name in NAMES if name in columns})


def describe_answers(result: RunResult, sealed: np.ndarray) -> pd.DataFrame:
    """Return the columns of a run, (n) rows: ANSWERED.

    `score` belongs to the predicted class, `margin` is its lead over the next class, `loss` and
    `entropy` (of all scores) are in nats.

    Args:
        sealed: (n,) bool, photos whose predictions are hidden: their values are missing, as are
            those of photos that belong to no split of the run.
    """
    sealed = sealed | (result.splits == "")
    answers, scores = read_answers(result.scores, result.labels), result.scores
    tiny, entropies = np.finfo(scores.dtype).tiny, np.empty(len(scores), scores.dtype)
    for start in range(0, len(scores), _BLOCK):
        some = scores[start : start + _BLOCK]
        surprise = np.log(np.maximum(some, tiny))
        entropies[start : start + _BLOCK] = -np.einsum("nk,nk->n", some, surprise)
    numbers = {
        "score": answers.top_scores,
        "own_score": answers.true_scores,
        "loss": cross_entropies(scores, result.labels),
        "entropy": entropies,
        "margin": answers.margins,
    }
    table = pd.DataFrame({name: values.astype(np.float64) for name, values in numbers.items()})
    predicted = np.where(sealed, -1, answers.predictions)
    table.insert(0, "predicted", pd.Categorical.from_codes(predicted, list(result.classes)))
    table.loc[sealed, list(numbers)] = np.nan
    for name, flags in (("right", ~answers.wrong), ("wrong", answers.wrong)):
        table[name] = pd.arrays.BooleanArray(flags, sealed.copy())
    return table


def sort_photos(column: pd.Series, descending: bool = False) -> np.ndarray:
    """Return the rows in the order of a column, (n,) int64; missing values come last.

    Categories have their own order, no comes before yes; equal rows keep the dataset's order.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
    elif pd.api.types.is_numeric_dtype(column):
        codes = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        words = column.map(", ".join) if column.dtype == object else column
        codes = pd.factorize(words, sort=True)[0]
    keys = np.where(column.isna(), np.nan, codes)
    return np.argsort(-keys if descending else keys, kind="stable")


def describe_orders(names: Iterable[str]) -> dict[str, str]:
    """Return the ways to sort by columns → title; a minus means descending."""
    orders: dict[str, str] = {}
    for name in names:
        up, down = ("A to Z", "Z to A") if name in WORDS else ("lowest first", "highest first")
        if name in FLAGS:
            up, down = "last", "first"
        orders |= {f"-{name}": f"{NAMES[name]}: {down}", name: f"{NAMES[name]}: {up}"}
    return orders


def write_photos(table: pd.DataFrame) -> str:
    """Return rows of these tables as CSV; `photo` is the photo number in the dataset."""
    texts = table.map(lambda cell: ", ".join(cell) if isinstance(cell, tuple) else cell)
    guarded = guard_cells(texts.rename_axis("photo"))
    return str(guarded.to_csv(float_format="%.6g", lineterminator="\n"))


def name_colours(
    hues: np.ndarray,
    colourfulness: np.ndarray,
    grey_below: float = MEASURED["grey"].threshold,
    names: Sequence[str] = HUES,
) -> np.ndarray:
    """Return the colour name of each photo, (n,) str.

    Args:
        hues: (n,) degrees.
        colourfulness: (n,) 0 for grey.
        grey_below: Colourfulness below which a photo is grey.
        names: Equal parts of the circle, the first around 0 degrees.
    """
    width = 360 / len(names)
    places = ((np.asarray(hues) + width / 2) % 360 // width).astype(np.int64) % len(names)
    is_grey = np.asarray(colourfulness) < grey_below
    return np.asarray(np.array([*names, GREY])[np.where(is_grey, len(names), places)])
