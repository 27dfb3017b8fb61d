"""The exact head with fewer training photos: the points of its learning curve.

λ and standardisation stay those of the head with all photos. Subsets are stratified, and nested
within a repeat.
"""

from collections.abc import Callable

import numpy as np
from scipy import linalg

from core.instant.curves import Curve
from core.instant.head import ExactHead, one_hot

SIZES, REPEATS, FEWEST_REPEATS, MANY = 8, 20, 4, 10_000
"""Points of a curve, its repeats, and fewer repeats above 10,000 training photos."""
RANGE = 16
"""How many times fewer photos the first point of a curve has than the last."""


def choose_sizes(photos: int, least: int = 1) -> np.ndarray:
    """Return at most 8 geometric numbers of photos up to all of them, ascending."""
    start = min(max(photos / RANGE, least), photos)
    return np.unique(np.geomspace(start, photos, SIZES).round().astype(int))


def measure_curve(head: ExactHead, judged: np.ndarray, tell: Callable[[int, int], object]) -> Curve:
    """Return the accuracy on the judged photos (m,) against the number of training photos."""
    sizes = choose_sizes(len(head.train), 2 * head.n_classes)
    repeats = REPEATS if len(head.train) <= MANY else FEWEST_REPEATS
    true = head.labels[judged]
    values = np.empty((repeats, len(sizes)))
    values[:, -1] = (head.outputs[judged].argmax(axis=1) == true).mean()
    for repeat in range(repeats):
        order = order_stratified(head.labels[head.train], np.random.default_rng(repeat))
        for place, size in enumerate(sizes[:-1]):
            answers = answer_subset(head, head.train[order[:size]], judged).argmax(axis=1)
            values[repeat, place] = (answers == true).mean()
        tell(repeat + 1, repeats)
    return Curve(sizes=sizes, values=values, judged=len(judged))


def answer_subset(head: ExactHead, photos: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return the outputs (m, k) for the judged photos of the head fitted on these photos alone.

    By the smaller side: photos among themselves, else features among themselves.
    """
    own, rows = head.rows[photos], head.rows[judged]
    targets = one_hot(head.labels[photos], head.n_classes)
    is_dual = len(own) < own.shape[1]
    gram = (own @ own.T if is_dual else own.T @ own).astype(np.float64)
    gram[np.diag_indices_from(gram)] += head.ridge
    right = targets if is_dual else own.T @ targets
    solved = linalg.solve(gram, right, assume_a="pos", overwrite_a=True, check_finite=False)
    return np.asarray((rows @ own.T if is_dual else rows) @ solved)


def order_stratified(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an order (m,) of which every beginning has the classes in their shares."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[rng.permutation(members)] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(places, kind="stable")
