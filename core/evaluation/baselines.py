"""What any model has to beat: answers that need no training.

The largest class, and the nearest photos by some description of them (features, colours). All learn
from the training photos alone; a training photo is never its own neighbour.
"""

import numpy as np

_CHUNK = 512
"""Photos compared with all training photos at once."""


def predict_majority(labels: np.ndarray, train: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Returns (m,) int64: for each photo asked, the largest class of the training photos.

    Args:
        labels: (n,) int, of all photos.
        train: (t,) int photo numbers to learn from; the first of equally large classes is taken.
        asked: (m,) int photo numbers.
    """
    largest = int(np.bincount(labels[train]).argmax())
    return np.full(len(asked), largest, dtype=np.int64)


def predict_neighbours(
    described: np.ndarray, labels: np.ndarray, train: np.ndarray, asked: np.ndarray, k: int
) -> np.ndarray:
    """Returns (m,) int64: the class that most of the k nearest training photos have, by cosine.

    Of classes with equally many votes, that whose photos are nearer together (sum of cosines).

    Args:
        described: (n, d) float, a description of all photos; a row of zeros is near to none.
        labels: (n,) int.
        train: (t,) int photo numbers to learn from; at least one beside a photo that is asked.
        asked: (m,) int photo numbers.
        k: Neighbours that vote; fewer where there are not so many.
    """
    known, answers = _normalise(described[train]), np.empty(len(asked), dtype=np.int64)
    own_place = {int(photo): place for place, photo in enumerate(train)}
    k = min(k, len(train) - any(int(photo) in own_place for photo in asked))
    for start in range(0, len(asked), _CHUNK):
        photos = asked[start : start + _CHUNK]
        cosines = _normalise(described[photos]) @ known.T
        for row, photo in enumerate(photos):
            if int(photo) in own_place:
                cosines[row, own_place[int(photo)]] = -np.inf
        answers[start : start + _CHUNK] = _vote(cosines, labels[train], k)
    return answers


def describe_colours(photos: np.ndarray, levels: int = 6) -> np.ndarray:
    """Returns (n, levels³) float32: how much of a photo has each colour, as roots of shares.

    Their cosine is Bhattacharyya's coefficient of the two histograms.

    Args:
        photos: (n, h, w, 3) uint8 RGB.

    Source:
        M. J. Swain and D. H. Ballard (1991), Int. J. Comput. Vision 7, 11-32: colour indexing.
    """
    n, bins = len(photos), levels**3
    scaled = photos.reshape(n, -1, 3).astype(np.int64) * levels // 256
    colours = (scaled[..., 0] * levels + scaled[..., 1]) * levels + scaled[..., 2]
    places = colours + bins * np.arange(n)[:, None]
    counted = np.bincount(places.ravel(), minlength=n * bins).reshape(n, bins)
    roots: np.ndarray = np.sqrt(counted / max(1, colours.shape[1]), dtype=np.float32)
    return roots


def _vote(cosines: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Returns (m,) int64 for cosines (m, t) and the labels (t,) of their columns."""
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(cosines, nearest, axis=1)
    votes = np.zeros((len(cosines), int(labels.max()) + 1))
    rows = np.repeat(np.arange(len(cosines)), k)
    # A vote outweighs any difference in nearness: cosines sum to less than 2k in all.
    np.add.at(votes, (rows, labels[nearest].ravel()), 2.0 * k + near.ravel())
    answers: np.ndarray = votes.argmax(axis=1)
    return answers


def _normalise(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
