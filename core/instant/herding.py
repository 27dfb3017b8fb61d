"""Which photo next: the order in which photos are best labelled, from their features alone.

Uncertainty Herding: a photo is covered as far as a labelled one is like it (an RBF kernel), and
counts as much as the head is unsure of it. The next photo is the one that adds most to what is
covered. While nothing is known all count the same: that is MaxHerding.

Source: W. Bae, G. L. Oliveira, D. J. Sutherland (2025), Uncertainty Herding, ICLR, arXiv
2412.20644; MaxHerding: W. Bae, J. Noh, D. J. Sutherland (2024), ECCV, arXiv 2407.12212.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import linalg, special

from core.instant.head import fit_temperature, one_hot, split_rows

Strategy = Literal["herding", "margin", "random"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

DIRECTIONS = 256
"""Of the features' largest, those that are looked at."""
MOST = 10_000
"""Photos that are ordered; of more, so many are drawn."""
_RADIUS = 0.7
"""Of the kernel, where rows have length 1 and two that have nothing in common are 1.4 apart."""
_BLOCK = 256
"""Photos whose likeness to all others is in memory at once."""
_RIDGES = np.logspace(-3, 1, 9)
"""λ that are tried; the rows have length 1."""


def reduce_rows(features: np.ndarray) -> np.ndarray:
    """Return features (n, d) along their 256 largest directions, of length 1, (n, ≤ 256) float32.

    Features are made of length 1 first, then centred.
    """
    rows = _normalise(np.asarray(features, np.float32))
    rows = rows - rows.mean(axis=0)
    gram = np.zeros((rows.shape[1],) * 2)
    for block in split_rows(len(rows)):
        gram += rows[block].T @ rows[block]
    width = len(gram)
    last = (max(0, width - DIRECTIONS), width - 1)
    _, basis = linalg.eigh(gram, subset_by_index=last, check_finite=False)
    return _normalise(rows @ basis[:, ::-1].astype(np.float32))


def order_photos(
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    by: Strategy = "herding",
    most: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """Return the photos to label next, in order, (≤ most,) int.

    Args:
        rows: (n, q) from `reduce_rows`.
        labels: (n,) int, the class of each photo; -1: it is not known yet; below: do not ask.
        by: Coverage weighted by uncertainty, uncertainty alone, or chance. All begin alike where
            no two classes are known: margin by chance.
    """
    unknown = np.flatnonzero(labels == -1)
    drawn = np.random.default_rng(seed).permutation(unknown)
    if by == "random":
        return np.asarray(drawn[:most])
    known = np.flatnonzero(labels >= 0)
    unsure = measure_uncertainty(rows, labels)
    if by == "margin":
        return np.asarray(drawn[np.argsort(-unsure[drawn], kind="stable")][:most])
    pool = np.sort(drawn[:MOST])
    return np.asarray(pool[herd(rows[pool], unsure[pool], rows[known], most)])


def herd(rows: np.ndarray, weights: np.ndarray, covering: np.ndarray, most: int) -> np.ndarray:
    """Return the rows that cover all rows best, chosen one after the other, (≤ most,) int.

    Coverage is submodular: what a row would add only falls as others are chosen. So most rows need
    not be looked at again for each choice.

    Args:
        rows: (n, q) of length 1.
        weights: (n,) ≥ 0: how much it counts that a row is covered.
        covering: (m, q) rows that cover already.
    """
    nearest = np.zeros(len(rows), np.float32)
    for start in range(0, len(covering), _BLOCK):
        alike = measure_likeness(rows, covering[start : start + _BLOCK])
        nearest = np.maximum(nearest, alike.max(axis=1))
    gains = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, start + _BLOCK)
        gains[some] = _measure_gains(rows, weights, nearest, some)
    chosen: list[int] = []
    for _ in range(min(most, len(rows))):
        best = _find_best(rows, weights, nearest, gains)
        chosen.append(best)
        nearest = np.maximum(nearest, measure_likeness(rows, rows[best : best + 1])[:, 0])
        gains[best] = -np.inf
    return np.array(chosen, np.int64)


def measure_likeness(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the RBF kernel of rows (n, q) and others (b, q), all of length 1, (n, b)."""
    squares = np.maximum(2 - 2 * (rows @ others.T), 0)
    return np.asarray(np.exp(-squares / _RADIUS**2))


def measure_uncertainty(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return how unsure a head of the known photos is, (n,) 0..1: 1 - (best score - second).

    1 for all, while fewer than two classes are known.
    """
    known = np.flatnonzero(labels >= 0)
    classes = np.unique(labels[known])
    if len(classes) < 2:
        return np.ones(len(rows))
    best = np.partition(score_photos(rows, labels), -2, axis=1)[:, -2:]
    return np.asarray(1 - (best[:, 1] - best[:, 0]))


def score_photos(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the scores of all photos by a ridge of the known ones, (n, classes that are known).

    λ and temperature by leaving one out: what is known of few photos is not believed. The columns
    are the known classes, ascending.
    """
    known = np.flatnonzero(labels >= 0)
    targets = one_hot(np.unique(labels[known], return_inverse=True)[1], len(set(labels[known])))
    targets -= 1 / targets.shape[1]  # of no class more likely than another, before a photo is seen
    x = rows[known].astype(np.float64)
    values, vectors = linalg.eigh(x @ x.T, check_finite=False)
    turned = vectors.T @ targets
    fits = []
    for ridge in _RIDGES:
        shrunk = 1 / (np.maximum(values, 0) + ridge)
        dual = vectors @ (shrunk[:, None] * turned)
        apart = dual / (vectors**2 @ shrunk)[:, None]
        fits.append((float((apart**2).sum()), dual, targets - apart))
    _, dual, left_out = min(fits, key=lambda fit: fit[0])
    outputs = rows @ (x.T @ dual).astype(np.float32)
    heat = fit_temperature(left_out, targets.argmax(axis=1))
    return np.asarray(special.softmax(outputs / heat, axis=1))


def _find_best(
    rows: np.ndarray, weights: np.ndarray, nearest: np.ndarray, gains: np.ndarray
) -> int:
    """Return the row of the greatest gain; `gains` are bounds from above, and are sharpened."""
    fresh = np.zeros(len(gains), bool)
    while True:
        order = np.argsort(-gains, kind="stable")[: _BLOCK // 8]
        if fresh[order[0]]:
            return int(order[0])
        stale = order[~fresh[order] & np.isfinite(gains[order])]
        gains[stale] = _measure_gains(rows, weights, nearest, stale)
        fresh[stale] = True


def _measure_gains(
    rows: np.ndarray, weights: np.ndarray, nearest: np.ndarray, some: slice | np.ndarray
) -> np.ndarray:
    """Return what each of some rows would add to what is covered, (b,)."""
    alike = measure_likeness(rows[some], rows)
    return np.asarray(np.maximum(alike - nearest, 0) @ weights)


def _normalise(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


MOST_PHOTOS = 2_000
"""Photos that a repeat chooses from."""
REPEATS = 5
_FIRST = 5
_ROUNDS = 12
_MOST_LABELS = 400
_SHARE = 0.8
"""Of the photos, those that a repeat chooses from: else two repeats were the same."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """How right a head is after so many labels, by the order in which they were given."""

    sizes: np.ndarray
    """(s,) int, ascending: labels that are known."""
    accuracies: np.ndarray
    """(strategies, repeats, s), of the photos that judge; in the order of STRATEGIES."""
    judged: int
    """Photos that judge."""
    classes: np.ndarray
    """(strategies, repeats, s) int: of how many classes a label is known."""
    pool: int
    """Photos that a repeat chooses from."""


def plan_sizes(photos: int) -> np.ndarray:
    """Return after how many labels it is looked, for so many photos that could be labelled."""
    last = max(2, min(_MOST_LABELS, photos // 2))
    sizes = np.geomspace(min(_FIRST, last), last, _ROUNDS).round().astype(np.int64)
    return np.unique(sizes)


def replay_labels(
    rows: np.ndarray,
    labels: np.ndarray,
    pool: np.ndarray,
    judges: np.ndarray,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Replay:
    """Return the curves of each strategy, from nothing known at all.

    Args:
        rows: (n, q) from `reduce_rows`.
        labels: (n,) int ≥ 0.
        pool: (m,) int photos that may be labelled.
        judges: (v,) int photos that judge, none of the pool.
    """
    drawn = min(MOST_PHOTOS, max(2, round(_SHARE * len(pool))))
    sizes = plan_sizes(drawn)
    accuracies = np.empty((len(STRATEGIES), REPEATS, len(sizes)))
    classes = np.empty(accuracies.shape, np.int64)
    for repeat in range(REPEATS):
        some = np.random.default_rng(repeat).permutation(pool)[:drawn]
        both = np.concatenate([some, judges])
        true = labels[both]
        for place, strategy in enumerate(STRATEGIES):
            known = np.full(len(both), -1)
            known[drawn:] = -2  # neither known nor ever asked
            for turn, size in enumerate(sizes.tolist()):
                asked = size - int((known >= 0).sum())
                chosen = order_photos(
                    rows[some], known[:drawn], by=strategy, most=asked, seed=repeat
                )
                known[chosen] = true[chosen]
                told = np.unique(known[known >= 0])
                scores = score_photos(rows[both], known)[drawn:]
                right = told[scores.argmax(axis=1)] == true[drawn:]
                accuracies[place, repeat, turn] = right.mean()
                classes[place, repeat, turn] = len(told)
        tell(repeat + 1, REPEATS)
    return Replay(
        sizes=sizes,
        accuracies=accuracies,
        judged=len(judges),
        classes=classes,
        pool=drawn,
    )
