"""What the exact head would be with fewer training photos: the points of learning curves.

λ and standardisation stay those of the head with all photos. A curve of the whole takes stratified
subsets, nested within a repeat; that of a class varies its own photos and keeps all others.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import linalg

from core.instant.curves import Curve
from core.instant.head import ExactHead, one_hot

SIZES, REPEATS, FEWEST_REPEATS = 8, 20, 4
RANGE = 16
"""How many times fewer photos the first point of a curve has than the last."""
BUDGET = 3e12
"""Floating point operations that the curves of the whole may cost, and so those of all classes;
where they cost more, there are fewer repeats."""


def choose_sizes(photos: int, least: int = 1) -> np.ndarray:
    """Return at most 8 geometric numbers of photos up to all of them, ascending."""
    start = min(max(photos / RANGE, least), photos)
    return np.unique(np.geomspace(start, photos, SIZES).round().astype(int))


def measure_whole(
    head: ExactHead,
    judged: np.ndarray,
    tell: Callable[[int, int], object],
    pool: np.ndarray | None = None,
) -> Curve:
    """Return the accuracy on the judged photos (m,) against the number of training photos.

    Args:
        pool: The training photos that there are; all of the head's by default. For back-tests.
    """
    photos = head.train if pool is None else pool
    sizes = choose_sizes(len(photos), 2 * head.n_classes)
    repeats = _afford(sum(_cost_fit(int(size), head.rows.shape[1]) for size in sizes[:-1]))
    true = head.labels[judged]
    values = np.empty((repeats, len(sizes)))
    (full,) = answer_nested(head, photos, sizes[-1:], judged)
    values[:, -1] = (full.argmax(axis=1) == true).mean()
    for repeat in range(repeats):
        order = order_stratified(head.labels[photos], np.random.default_rng(repeat))
        fits = answer_nested(head, photos[order], sizes[:-1], judged)
        values[repeat, :-1] = [(outputs.argmax(axis=1) == true).mean() for outputs in fits]
        tell(repeat + 1, repeats)
    return Curve(sizes=sizes, values=values, judged=len(judged))


def measure_classes(
    head: ExactHead, judged: np.ndarray, pool: np.ndarray | None = None
) -> Iterator[tuple[int, Curve | None]]:
    """Yield each class and its recall on the judged photos against its own number of photos.

    None where it has no training or no judged photo.

    Args:
        pool: As `measure_whole`, for the class that is varied; of the others all are there.
    """
    owned = np.bincount(head.labels[head.train], minlength=head.n_classes)
    repeats = _afford(
        float((SIZES * owned.astype(float) ** 2 * (owned / 3 + head.n_classes)).sum())
    )
    for place in range(head.n_classes):
        own = judged[head.labels[judged] == place]
        has_both = owned[place] and len(own)
        is_there = np.isin(head.train, head.train if pool is None else pool)
        yield place, _measure_class(head, place, own, repeats, is_there) if has_both else None


def _measure_class(
    head: ExactHead, place: int, judged: np.ndarray, repeats: int, is_there: np.ndarray
) -> Curve:
    """Return the recall of a class, exactly as refits without photos of it would be (Woodbury)."""
    rng = np.random.default_rng(place)
    members = np.flatnonzero(head.labels[head.train] == place)
    photos, there = head.train[members], np.flatnonzero(is_there[members])
    never = np.flatnonzero(~is_there[members])
    weighed = head.weigh(photos, photos).astype(np.float64)
    reach = head.weigh(judged, photos).astype(np.float64)
    residuals = head.residuals[members].astype(np.float64)
    sizes = choose_sizes(len(there))
    values = np.empty((repeats, len(sizes)))
    outputs = np.asarray(head.outputs[judged], np.float64)
    inside = np.eye(len(members)) - weighed
    for repeat in range(repeats):
        # Who leaves first stands first, so that one factor serves every size.
        gone = np.concatenate([never, rng.permutation(there)])[: len(members) - sizes[0]]
        solved = _solve_nested(inside[np.ix_(gone, gone)], residuals[gone], reach[:, gone].T)
        for point, size in enumerate(sizes):
            changed = outputs - solved(len(members) - size)
            values[repeat, point] = (changed.argmax(axis=1) == place).mean()
    return Curve(sizes=sizes, values=values, judged=len(judged))


def answer_nested(
    head: ExactHead, order: np.ndarray, sizes: np.ndarray, judged: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the outputs (m, k) for the judged photos of the heads fitted on beginnings of an order.

    By the smaller side: photos among themselves, else features among themselves.

    Args:
        order: (t,) photo numbers; at least as many as the largest size.
    """
    rows, few = head.rows[judged], sizes[sizes <= 2 * head.rows.shape[1]]
    if len(few):
        photos = order[: few[-1]]
        own = head.rows[photos]
        gram = (own @ own.T).astype(np.float64)
        gram[np.diag_indices_from(gram)] += head.ridge
        targets = one_hot(head.labels[photos], head.n_classes)
        solved = _solve_nested(gram, targets, (own @ rows.T).astype(np.float64))
        yield from (solved(size) for size in few)
    for size in sizes[len(few) :]:
        own = head.rows[order[:size]]
        gram = (own.T @ own).astype(np.float64)
        gram[np.diag_indices_from(gram)] += head.ridge
        targets = one_hot(head.labels[order[:size]], head.n_classes, own.dtype)
        yield rows @ linalg.solve(gram, own.T @ targets, assume_a="pos", overwrite_a=True)


def _solve_nested(
    matrix: np.ndarray, right: np.ndarray, left: np.ndarray
) -> Callable[[int], np.ndarray]:
    """Return what gives leftᵀ M⁻¹ right for the first so many rows: one factor serves them all.

    A leading block of a Cholesky factor is that of the leading block.
    """
    factor = linalg.cholesky(matrix, lower=True, check_finite=False)
    both = linalg.solve_triangular(factor, np.hstack([left, right]), lower=True, check_finite=False)
    cut = left.shape[1]

    def solve(first: int) -> np.ndarray:
        return np.asarray(both[:first, :cut].T @ both[:first, cut:])

    return solve


def order_stratified(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an order (m,) of which every beginning has the classes in their shares."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[rng.permutation(members)] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(places, kind="stable")


def _cost_fit(photos: int, width: int) -> float:
    """Return about how many operations one fit takes."""
    small, large = sorted((photos, width))
    return 2.0 * small**2 * large + small**3


def _afford(cost: float) -> int:
    """Return how many repeats the budget allows for, if one costs so much."""
    return int(np.clip(BUDGET / max(cost, 1.0), FEWEST_REPEATS, REPEATS))
