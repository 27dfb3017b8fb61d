"""Metrics over all classes with 95 % intervals: accuracy, averages, Cohen's kappa, Matthews.

All follow from three counts of each class (photos, predictions, hits). Means over classes are over
classes with photos. docs/results.md has the measured coverage of the intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.confusion import count_confusions, divide
from core.evaluation.intervals import Estimate, estimate_share, mean_interval, wilson_interval
from core.evaluation.metrics import check_scores, cross_entropies, evaluate_scores
from core.formats import count

RESAMPLES = 400
AVERAGED = ("precision", "recall", "f1")
_OTHERS = 3
"""Weight, in photos, of the errors of all classes in the resamples of a class."""
_BIASED, _THIN = ("precision", "f1"), 2.0
"""These metrics are biased where the sum of 1 / (photos of a class) is larger."""
_FEW = 10
"""With fewer photos, in all or of a class, the coverage was below 95 %."""
_DOMINANT = 0.55
"""Largest share of one class in the uncertainty; two equally large classes have half each."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of each class, (…, k): photos of it, photos predicted as it, and both."""

    support: np.ndarray
    predicted: np.ndarray
    hits: np.ndarray


def count_classes(matrix: np.ndarray) -> Counts:
    """Return the counts of a confusion matrix (k, k), rows true, columns predicted."""
    return Counts(matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix))


def redraw_counts(matrix: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Counts:
    """Return the counts of resamples (r, k): a bootstrap of the predictions within classes.

    A prediction is drawn from the class and, with the weight of _OTHERS photos, from all classes:
    correct as often as they are, else a wrong one. So even a class with one photo varies.

    Source:
        B. Efron and R. J. Tibshirani (1993), An Introduction to the Bootstrap, chapters 6 and 8.
    """
    classes, support = len(matrix), matrix.sum(axis=1)
    labels = np.repeat(np.arange(classes), support)
    cells = np.repeat(np.arange(matrix.size), matrix.ravel())
    answers = cells % classes
    wrong = answers[answers != labels] if (answers != labels).any() else labels
    sizes = support[labels]
    starts = (np.cumsum(support) - support)[labels]
    share, alike = _weigh_small(support, np.diag(matrix))
    right = (share * alike + 0.5) / (alike + 1)
    rng = np.random.default_rng(seed)
    predicted, hits = np.zeros((2, resamples, classes), dtype=np.int64)
    for draw in range(resamples):
        u, v, w = rng.random((3, len(labels)))
        own = answers[starts + (u * sizes).astype(np.int64)]
        missed = wrong[(v * len(wrong)).astype(np.int64)]
        other = (labels + 1 + (u * (classes - 1)).astype(np.int64)) % classes
        missed = np.where(missed == labels, other, missed)
        limit = sizes / (sizes + _OTHERS)
        fresh = np.where(w - limit < right * (1 - limit), labels, missed)
        drawn = np.where(w < limit, own, fresh)
        predicted[draw] = np.bincount(drawn, minlength=classes)
        hits[draw] = np.bincount(labels[drawn == labels], minlength=classes)
    return Counts(np.broadcast_to(support, predicted.shape), predicted, hits)


def _weigh_small(support: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """Return the accuracy, classes weighted by 1 / photos, and the effective number of photos of
    the mean over classes; (nan, 0) without photos."""
    seen = support > 0
    if not seen.any():
        return np.nan, 0.0
    weights = 1 / support[seen]
    share = float((weights * hits[seen] / support[seen]).sum() / weights.sum())
    return min(1.0, share), float(seen.sum() ** 2 / weights.sum())


def measure_agreement(counts: Counts) -> dict[str, np.ndarray]:
    """Return the metrics of the counts, without the axis of classes; NaN without photos.

    Names: balanced_accuracy, cohen_kappa, matthews, and macro_ and weighted_ precision, recall, f1.
    Means are over classes with photos; the precision of a class without predictions counts as 0.

    Source:
        J. Cohen (1960), Educ. Psychol. Meas. 20, 37-46; J. Gorodkin (2004), Comput. Biol. Chem. 28,
        367-374, for Matthews' coefficient of more than two classes.
    """
    support, predicted, hits = counts.support, counts.predicted, counts.hits
    n, seen = support.sum(axis=-1), support > 0
    recall, f1 = divide(hits, support, 0.0), divide(2 * hits, support + predicted, 0.0)
    kappa, matthews = _correct_chance(counts)
    measured = {
        "balanced_accuracy": divide(recall.sum(axis=-1), seen.sum(axis=-1), 0.0),
        "cohen_kappa": kappa,
        "matthews": matthews,
    }
    for name, values in zip(AVERAGED, (divide(hits, predicted, 0.0), recall, f1), strict=True):
        measured[f"macro_{name}"] = divide((values * seen).sum(axis=-1), seen.sum(axis=-1), 0.0)
        measured[f"weighted_{name}"] = divide((values * support).sum(axis=-1), n, 0.0)
    return {name: np.where(n > 0, values, np.nan) for name, values in measured.items()}


def estimate_agreement(
    scores: np.ndarray, labels: np.ndarray, classes: Sequence[str], resamples: int = RESAMPLES
) -> dict[str, Estimate]:
    """Return every metric over all classes with its 95 % interval.

    Names: accuracy, top_k_accuracy, loss and those of `measure_agreement`.

    Raises:
        ValueError: A score is not finite, or shapes and class numbers do not fit.
    """
    scores, labels = check_scores(scores, labels, len(classes))
    found = evaluate_scores(scores, labels, classes)
    matrix = count_confusions(labels, scores.argmax(axis=1), len(classes))
    return {
        "accuracy": estimate_share(int(np.trace(matrix)), found.n),
        "top_k_accuracy": estimate_share(
            round(np.nan_to_num(found.top_k_accuracy) * found.n), found.n
        ),
        "loss": mean_interval(cross_entropies(scores, labels)),
        **estimate_matrix(matrix, resamples),
    }


def estimate_matrix(matrix: np.ndarray, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Return the metrics of `measure_agreement` of a confusion matrix, with their intervals.

    Equal quantities have equal intervals (weighted recall is accuracy, macro recall is balanced
    accuracy). The others have Wilson's interval at an effective number of photos, which gives the
    variance of the resamples (bias included).
    """
    counts, n = count_classes(matrix), int(matrix.sum())
    measured = {name: float(value) for name, value in measure_agreement(counts).items()}
    if not n:
        return {name: Estimate(value=np.nan, n=0) for name in measured}
    balanced = estimate_balanced(counts.support, counts.hits)
    known = {
        "balanced_accuracy": balanced,
        "macro_recall": balanced,
        "weighted_recall": estimate_share(int(counts.hits.sum()), n),
    }
    drawn = redraw_counts(matrix, max(1, resamples))
    draws = measure_agreement(drawn)
    mean = Counts(counts.support, drawn.predicted.mean(axis=0), drawn.hits.mean(axis=0))
    centres = measure_agreement(mean)
    return {
        name: known.get(name)
        or _estimate_spread(name, value, draws[name], float(centres[name]), counts.support)
        for name, value in measured.items()
    }


def estimate_balanced(support: np.ndarray, hits: np.ndarray) -> Estimate:
    """Return the mean recall of classes (k,) with Wilson's interval at its effective sample size.

    The interval is that of the accuracy with classes weighted by 1 / photos, whose variance is an
    upper bound (p (1 - p) is concave), moved to the mean recall.
    """
    seen = support > 0
    value, n = float(divide(hits, support)[seen].mean()), int(support.sum())
    share, alike = _weigh_small(support, hits)
    if reason := _find_reason("balanced_accuracy", support[seen]):
        return Estimate(value=value, n=n, reason=reason)
    low, high = wilson_interval(share * alike, alike)
    moved = value - share
    low, high = max(0.0, low + moved), min(1.0, high + moved)
    return Estimate(value=value, low=low, high=high, n=n, method="widened Wilson")


def _estimate_spread(
    name: str, value: float, draws: np.ndarray, centre: float, support: np.ndarray
) -> Estimate:
    n = int(support.sum())
    reason = _find_reason(name, support[support > 0])
    from_minus_1 = name in ("cohen_kappa", "matthews")
    if from_minus_1:  # both end at -1 and 1
        draws, centre = (1 + draws) / 2, (1 + centre) / 2
    weights = 1 / support[support > 0]
    kept = (1 / (support[support > 0] + _OTHERS) ** 2).sum() / weights.sum()
    spread = draws.var() / (1 - kept) + (draws.mean() - centre) ** 2
    if reason or not np.isfinite(value) or not spread > 0:
        return Estimate(value=value, n=n, reason=reason)
    alike = float(draws.mean() * (1 - draws.mean()) / spread)
    share = (1 + value) / 2 if from_minus_1 else value
    low, high = wilson_interval(min(share, 1.0) * alike, alike)
    if from_minus_1:
        low, high = 2 * low - 1, 2 * high - 1
    return Estimate(value=value, low=low, high=high, n=n, method="resampling")


def _find_reason(name: str, support: np.ndarray) -> str:
    """Return the reason for no interval: its coverage would be below 95 %; empty: there is one."""
    weights = 1 / support
    if support.sum() < _FEW:
        return f"fewer than {_FEW} photos"
    if support.min() < _FEW and weights.max() / weights.sum() > _DOMINANT:
        return f"one class has only {count(int(support.min()), 'photo')}"
    if name.endswith(_BIASED) and weights.sum() > _THIN:
        return "too few photos per class"
    return ""


def _correct_chance(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return Cohen's kappa and Matthews' coefficient."""
    support, predicted = counts.support.astype(float), counts.predicted.astype(float)
    n, right = support.sum(axis=-1), counts.hits.sum(axis=-1).astype(float)
    expected = (support * predicted).sum(axis=-1)
    spreads = [n * n - (pairs**2).sum(axis=-1) for pairs in (support, predicted)]
    beyond = n * right - expected
    # One class in labels and predictions: NaN, like scikit-learn.
    return divide(beyond, n * n - expected), divide(beyond, np.sqrt(spreads[0] * spreads[1]), 0.0)
