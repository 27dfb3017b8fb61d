"""Which photos of a class show it best: those in the middle of its photos."""

import numpy as np


def find_typical(features: np.ndarray, top: int) -> np.ndarray:
    """Returns the rows nearest to the mean direction of all, (m,) int64, the nearest first.

    Args:
        features: (n, d) float, the photos of one class.
        top: At most so many.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = features / np.where(lengths > 0, lengths, 1.0)
    nearness = directions @ directions.sum(axis=0)
    return np.argsort(-nearness, kind="stable")[:top]
