"""What each training photo is worth to validation photos: left out exactly, and by its neighbours.

Leaving photo i out turns the outputs of the head by -G_i C_i, where G_i is what it weighs for each
validation photo and C_i its residual without itself; so the log loss of every validation photo is
exact, at the head's temperature. By neighbours: the calibrated soft-label KNN-Shapley value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from core.instant.head import ExactHead, split_rows

NEIGHBOURS = 10
"""K of the nearest-neighbour classifier whose Shapley values are taken."""
STRAY = 0.5
"""A redundant photo moves the loss by less than this part of an average photo's share."""
LEAST_JUDGED = 20
"""Validation photos below which no photo is marked: an interval of fewer says nothing."""
MARKS = ("harmful", "redundant", "precious")
_NORMAL = 1.96
_BLOCK = 4_000_000
"""Numbers that are in memory at once."""
_CACHED = 250_000
"""Numbers that stay near the processor."""


@dataclass(frozen=True, eq=False)
class Worth:
    """What each of m training photos does for n validation photos; all are (m,)."""

    n: int
    rises: np.ndarray
    """How much the mean log loss rises when it is left out, in nats; below 0 it falls."""
    spreads: np.ndarray
    """Standard deviation of that rise over the validation photos."""
    lost: np.ndarray
    """Right answers that are lost when it is left out, less those gained; int."""
    shares: np.ndarray
    """Its Shapley value, in share of right neighbours; below 0 it misleads."""
    helped: np.ndarray
    """Validation photos near it whose nearest photos are more often right with it; int."""
    hindered: np.ndarray
    """… and less often; int."""

    @property
    def errors(self) -> np.ndarray:
        """Half the 95 % interval of the rises, (m,)."""
        return np.asarray(_NORMAL * self.spreads / np.sqrt(self.n))

    def join(self, other: "Worth") -> "Worth":
        """Return the same for the validation photos of both, which share none."""
        part = other.n / (self.n + other.n)
        apart = other.rises - self.rises
        variances = (1 - part) * self.spreads**2 + part * other.spreads**2
        return Worth(
            n=self.n + other.n,
            rises=self.rises + part * apart,
            spreads=np.sqrt(variances + part * (1 - part) * apart**2),
            lost=self.lost + other.lost,
            shares=(1 - part) * self.shares + part * other.shares,
            helped=self.helped + other.helped,
            hindered=self.hindered + other.hindered,
        )


def measure_worth(head: ExactHead, photos: np.ndarray) -> Worth:
    """Return what each training photo is worth to the validation photos (n,), at least one."""
    return Worth(len(photos), *leave_each_out(head, photos), *share_by_neighbours(head, photos))


def leave_each_out(
    head: ExactHead, photos: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rises, spreads and lost of leaving out each training photo, (m,) each, exactly.

    With p the scores of a photo of class y and g how its outputs turn, over the temperature, its
    log loss rises by log Σ p_c e^(g_c - g_y). Time O(m n k), in blocks of training photos.
    """
    labels, everyone = head.labels[photos], np.arange(len(photos))
    outputs = np.asarray(head.outputs[photos])
    logs = special.log_softmax(outputs.astype(np.float64) / head.temperature, axis=1)
    right = outputs.argmax(axis=1) == labels
    (rises, spreads), lost = np.empty((2, len(head.train))), np.empty(len(head.train), np.int64)
    step = max(1, _CACHED // (len(photos) * head.n_classes))
    for rows in split_rows(len(head.train)):
        weights = head.weigh(head.train[rows], photos)
        for start in range(rows.start, rows.stop, step):
            block = slice(start, min(start + step, rows.stop))
            pulls = weights[start - rows.start : block.stop - rows.start, :, None]
            turns = -pulls * head.corrections[block][:, None, :].astype(np.float64)
            lost[block] = right.sum() - ((outputs + turns).argmax(axis=2) == labels).sum(axis=1)
            turns /= head.temperature
            own = turns[:, everyone, labels]
            turns += logs
            most = turns.max(axis=2, keepdims=True)
            turns -= most
            sums = np.exp(turns, out=turns).sum(axis=2)
            risen = np.log(sums) + most[:, :, 0] - own
            rises[block], spreads[block] = risen.mean(axis=1), risen.std(axis=1)
    return rises, spreads, lost


def share_by_neighbours(
    head: ExactHead, photos: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each training photo its Shapley value, how many it helps and how many it hinders.

    Nearness is the cosine of standardised features. The value is the mean over the validation
    photos (n,); who is not among the 30 nearest of any has 0.
    """
    m = len(head.train)
    least = max(0, m - 2 * NEIGHBOURS)
    reach = min(m, 3 * NEIGHBOURS) if least else m
    known = _normalise(head.rows[head.train])
    total, signs = np.zeros(m), np.zeros((2, m), np.int64)
    for start in range(0, len(photos), step := max(1, _BLOCK // m)):
        block = photos[start : start + step]
        near = _normalise(head.rows[block]) @ known.T
        order = np.argpartition(-near, reach - 1, axis=1)[:, :reach]
        values = np.take_along_axis(near, order, axis=1)
        order = np.take_along_axis(order, np.argsort(-values, axis=1, kind="stable"), axis=1)
        right = head.labels[head.train][order] == head.labels[block][:, None]
        shares = share_ranks(right, m, head.n_classes, least=least)
        np.add.at(total, order, shares)
        np.add.at(signs[0], order, shares > 0)
        np.add.at(signs[1], order, shares < 0)
    return total / len(photos), signs[0], signs[1]


def share_ranks(
    right: np.ndarray, m: int, n_classes: int, *, k: int = NEIGHBOURS, least: int = 0
) -> np.ndarray:
    """Return the Shapley values of the nearest photos of each judged one, (v, r) float64.

    The game: a set of photos gains the share of right labels among the k nearest it has (all where
    it has fewer; 1 / classes where it has none). Values are means over sets of each size from
    `least` on. 0 is the soft-label KNN-Shapley; with m - 2k small sets, which inflate values, do
    not count, and whoever is not among the 3k nearest has 0.

    Args:
        right: (v, r) bool, whether the nearest has the label of the judged photo, nearest first;
            r is m, or 3k where `least` is m - 2k.
        m: Photos that play.
        k: Neighbours that answer.
        least: Photos of the smallest sets that count.

    Source: J. T. Wang, R. Jia (2023), arXiv 2304.04258 (the game); Z. Yang, H. Yue, J. Chen,
    H. Liu (2024), arXiv 2405.17489 (that small sets inflate); checked against all sets.
    """
    values = np.zeros(right.shape)
    gains = right.astype(np.float64)
    others = gains[:, :-1].mean(axis=1) if m > 1 else gains[:, 0]
    for size in range(least, min(k, m)):  # sets that the farthest photo still changes
        before = others if size else 1 / n_classes
        values[:, -1] += (gains[:, -1] - before) / (size + 1) / (m - least)
    if m > 1:
        from scipy.stats import hypergeom  # takes long to load, and pages need none of it

        sizes = np.arange(max(0, least - 1), m - 1)[:, None]  # without two that are next in rank
        ranks = np.arange(1, right.shape[1])
        few = hypergeom.cdf(k - 1, m - 2, ranks - 1, sizes) / k
        often = np.where(sizes >= least, m - 1 - sizes, 0) + sizes + 1
        weights = (often * np.where(sizes < k, 1 / (sizes + 1), few)).sum(axis=0)
        steps = (gains[:, :-1] - gains[:, 1:]) * (weights / ((m - 1) * (m - least)))
        values[:, :-1] = values[:, -1:] + np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    values[np.abs(values) < 1e-12] = 0  # what sums leave of a nothing
    return values


def mark_photos(head: ExactHead, photos: np.ndarray, worth: Worth) -> dict[str, np.ndarray]:
    """Return which training photos are harmful, redundant and precious, (m,) bool each.

    Harmful: without it the loss falls; its Shapley value is below 0; and of the validation photos
    near it, it hinders most (95 % interval of Wilson). Precious: the whole 95 % interval of the
    rise is above 0, and its Shapley value too. Redundant: left out alone it changes no answer, and
    the whole interval of the rise is within STRAY of an average photo's share of what learning
    gained; at most half of a class, those of the least effect, for a class needs some photos.
    Photos of a class that no validation photo has are neither harmful nor redundant.
    """
    if len(photos) < LEAST_JUDGED:
        return {mark: np.zeros(len(head.train), dtype=bool) for mark in MARKS}
    near = worth.helped + worth.hindered
    mostly = worth.hindered - worth.helped > _NORMAL * np.sqrt(near)  # half is above the interval
    effect = np.abs(worth.rises) + worth.errors
    redundant = (effect < STRAY * average_share(head, photos)) & (worth.lost == 0)
    labels, judged = head.labels[head.train], find_judged(head, photos)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        by_effect = members[np.argsort(effect[members], kind="stable")]
        redundant[by_effect[redundant[by_effect]][len(members) // 2 :]] = False
    return {
        "harmful": mostly & (worth.shares < 0) & (worth.rises < 0) & judged,
        "redundant": redundant & judged,
        "precious": (worth.rises > worth.errors) & (worth.shares > 0),
    }


def average_share(head: ExactHead, photos: np.ndarray) -> float:
    """Return what learning took off the mean log loss of photos (n,), per training photo, in nats.

    Before it all classes were alike. Never below 0.001 nats over all training photos.
    """
    logs = special.log_softmax(head.outputs[photos].astype(np.float64) / head.temperature, axis=1)
    own = logs[np.arange(len(photos)), head.labels[photos]]
    return max(0.001, float(np.log(head.n_classes) + own.mean())) / len(head.train)


def remove_in_order(
    head: ExactHead, order: np.ndarray, counts: Sequence[int], photos: np.ndarray
) -> np.ndarray:
    """Return which photos (v,) are right by refits without the first of an order, (c, v) bool.

    One Cholesky of I - H of the whole order serves all its beginnings.

    Args:
        order: (s,) int, places among the training photos.
        counts: How many of them are left out, c numbers up to s.
    """
    if not len(order):
        return np.repeat(
            [head.outputs[photos].argmax(axis=1) == head.labels[photos]], len(counts), 0
        )
    out = head.train[order]
    inside = np.eye(len(out)) - head.weigh(out, out).astype(np.float64)
    lower = linalg.cholesky(inside, lower=True, overwrite_a=True, check_finite=False)
    halves = linalg.solve_triangular(lower, head.residuals[order], lower=True, check_finite=False)
    pulls = head.weigh(photos, out)
    right = np.empty((len(counts), len(photos)), dtype=bool)
    for place, count in enumerate(counts):
        corner = lower[:count, :count]
        apart = linalg.solve_triangular(
            corner, halves[:count], lower=True, trans="T", check_finite=False
        )
        outputs = head.outputs[photos] - pulls[:, :count] @ apart
        right[place] = outputs.argmax(axis=1) == head.labels[photos]
    return right


def find_judged(head: ExactHead, photos: np.ndarray) -> np.ndarray:
    """Return which training photos are of a class that the validation photos have, (m,) bool."""
    return np.isin(head.labels[head.train], head.labels[photos])


def rank_worst(head: ExactHead, photos: np.ndarray, worth: Worth) -> Mapping[str, np.ndarray]:
    """Return the places of the training photos by each measure, the worst first, (m,) int each.

    Photos of a class that no validation photo has come last: nothing says what they are worth.
    """
    unknown = ~find_judged(head, photos)
    measures = {"worth": worth.rises, "neighbours": worth.shares}
    return {name: np.lexsort((values, unknown)) for name, values in measures.items()}


def _normalise(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12))
