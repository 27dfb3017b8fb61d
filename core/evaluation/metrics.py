"""Metrics of scores: accuracy, top-k, loss, and precision, recall and F1 of each class.

All equal scikit-learn's; NaN where a class has no photos or no predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.confusion import count_confusions, divide
from core.evaluation.intervals import f1_interval, wilson_interval


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The metrics of some photos; NaN without any."""

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    top_k: int
    """5, but 2 for up to 5 classes and 1 for 2."""
    top_k_accuracy: float
    loss: float
    """Mean categorical cross-entropy, natural logarithm."""
    balanced_accuracy: float
    """Mean recall over classes with photos."""
    per_class: pd.DataFrame
    """class, support, predicted, then precision, recall and f1 with 95 % intervals (…_low, …_high);
    in the order of the classes."""
    averages: pd.DataFrame
    """average ("macro", "weighted"), precision, recall, f1, over the classes with photos; the
    precision of a class without predictions counts as 0."""


def evaluate_scores(scores: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Evaluation:
    """Return the metrics of scores (n, k) against labels (n,).

    The prediction is the class of the highest score, the first one on ties.

    Raises:
        ValueError: A score is not finite, or shapes and class numbers do not fit.
    """
    scores, labels = check_scores(scores, labels, len(classes))
    matrix = count_confusions(labels, scores.argmax(axis=1), len(classes))
    n, hits = len(labels), int(np.trace(matrix))
    low, high = wilson_interval(hits, n)
    per_class = _measure_classes(matrix, classes)
    top_k = 5 if len(classes) > 5 else 2 if len(classes) > 2 else 1
    return Evaluation(
        n=n,
        accuracy=hits / n if n else np.nan,
        accuracy_low=low,
        accuracy_high=high,
        top_k=top_k,
        top_k_accuracy=float(np.mean(_ranks(scores, labels) < top_k)) if n else np.nan,
        loss=float(cross_entropies(scores, labels).mean()) if n else np.nan,
        balanced_accuracy=float(per_class["recall"].mean()),
        per_class=per_class,
        averages=_average_classes(per_class),
    )


def check_scores(
    scores: np.ndarray, labels: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays.

    Raises:
        ValueError: A score is not finite, or the shapes do not fit.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.shape != (len(labels), n_classes):
        raise ValueError(f"scores {scores.shape} are not ({len(labels)}, {n_classes})")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not a finite number")
    return scores, labels


def _ranks(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n,) int, the rank of the true class from 0; ties in class order."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    before = np.arange(scores.shape[1]) < labels[:, None]
    return np.asarray(((scores > own) | ((scores == own) & before)).sum(axis=1))


def cross_entropies(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return -log(score of the true class), (n,) float64, clipped like scikit-learn's log_loss."""
    tiny = np.finfo(scores.dtype).eps
    own = scores[np.arange(len(labels)), labels].clip(tiny, 1 - tiny)
    return np.asarray(-np.log(own.astype(np.float64)))


def _measure_classes(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    columns: dict[str, Any] = {"class": list(classes), "support": support, "predicted": predicted}
    for name, totals in (("precision", predicted), ("recall", support)):
        ends = [wilson_interval(int(of), int(n)) for of, n in zip(hits, totals, strict=True)]
        columns[name] = divide(hits, totals)
        columns[f"{name}_low"], columns[f"{name}_high"] = np.array(ends).reshape(-1, 2).T
    columns["f1"] = divide(2 * hits, support + predicted)
    unions = zip(hits, support + predicted - hits, strict=True)
    ends = [f1_interval(int(of), int(union)) for of, union in unions]
    columns["f1_low"], columns["f1_high"] = np.array(ends).reshape(-1, 2).T
    return pd.DataFrame(columns)


def _average_classes(per_class: pd.DataFrame) -> pd.DataFrame:
    measured = per_class[["precision", "recall", "f1"]].fillna(0.0)
    support = per_class["support"]
    n = support.sum()
    rows = {
        "macro": measured[support > 0].mean(),
        "weighted": measured.mul(support, axis=0).sum() / n if n else measured.mean() * np.nan,
    }
    return pd.DataFrame(rows).T.rename_axis("average").reset_index()
