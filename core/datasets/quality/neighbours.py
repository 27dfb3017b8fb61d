"""Cosine similarity of photos by their features: neighbours, typicality, outliers, maps.

Computed in blocks: a million photos need some hundred MB beside the result. Features are (n, d)
float32. Seeded.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy

NEIGHBOURS = 60
OWN_NEIGHBOURS = 10
"""Photos of its own class that a photo is compared with."""
OUTLIER_LIMIT = 3.5
"""Robust z above which a photo is an outlier. Source: Iglewicz and Hoaglin 1993."""
MOST_FULL = 20_000
"""Above this number of photos, similarity is measured in the largest REDUCED directions."""
REDUCED = 64
_BLOCK_BYTES = 96 * 2**20
_TILE = (512, 8192)
"""Photos compared with photos at once: 16 MiB of cosines, which fit the cache."""
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
SEED = 0
_BEFORE = 50  # directions that t-SNE is given, as its author advises
_PERPLEXITY = 30.0


def normalise_features(features: np.ndarray) -> np.ndarray:
    """Return unit vectors, (n, d) float32; of many photos in their REDUCED directions."""
    if len(features) > MOST_FULL:
        directions = find_directions(features, REDUCED, centre=np.zeros(features.shape[1]))
        features = project_features(features, directions)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(norms, 1e-12), dtype=np.float32)


def find_neighbours(
    unit: np.ndarray, count: int = NEIGHBOURS, tell: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest photos of each, (n, k) int32, nearest first, and their cosine, float32.

    k is `count`, or n - 1 if there are fewer; a photo is not its own neighbour. All pairs are
    compared in tiles; each tile adds its candidates.

    Args:
        unit: (n, d) float32 unit vectors.
        tell: Called with the number of finished photos and of all.
    """
    n, (height, width) = len(unit), _TILE
    k = min(count, n - 1)
    neighbours, cosines = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    for top in range(0, n if k else 0, height):
        rows = np.arange(min(height, n - top))
        least = np.full(len(rows), -np.inf, np.float32)
        near: list[_Near] = []
        for left in range(0, n, width):
            tile = unit[top : top + height] @ unit[left : left + width].T
            own = (rows + top >= left) & (rows + top < left + width)
            tile[rows[own], rows[own] + top - left] = -np.inf
            if not left and tile.shape[1] > k:
                least = np.partition(tile, -k, axis=1)[:, -k]
            row, column = np.divmod(np.flatnonzero(tile >= least[:, None]), tile.shape[1])
            near.append((row, column + left, tile[row, column]))
            if sum(len(one[0]) for one in near) > 4 * k * height or left + width >= n:
                near = [_take_nearest(near, k)]
                if len(near[0][0]) == k * len(rows):
                    least = near[0][2].reshape(-1, k)[:, -1]
        _, neighbours[top : top + height], cosines[top : top + height] = (
            one.reshape(-1, k) for one in near[0]
        )
        if tell:
            tell(min(top + height, n), n)
    return neighbours, np.clip(cosines, -1, 1)


_Near = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(m,) each: row, photo and cosine."""


def _take_nearest(found: Sequence[_Near], k: int) -> _Near:
    """Return the k nearest of each row, sorted by row, similarity and photo."""
    row, photo, cosine = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((photo, -cosine, row))
    row = row[order]
    kept = np.arange(len(row)) - np.searchsorted(row, row) < k
    return row[kept], photo[order[kept]], cosine[order[kept]]


def measure_typicality(unit: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return typicality (n,) 0..1 and outlier score (n,) of each photo within its class.

    Both use the mean distance (1 - cosine) to the nearest photos of its own class. Typicality is
    its rank, 1 for the most typical photo; the score is its distance from the median in robust
    standard deviations. Classes of fewer than 3 photos get typicality 1 and score 0.
    """
    typicality, score = np.ones(len(labels)), np.zeros(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 3:
            continue
        _, cosines = find_neighbours(unit[members], OWN_NEIGHBOURS)
        distance = 1 - cosines.mean(axis=1, dtype=np.float64)
        ranks = np.argsort(np.argsort(distance, kind="stable"), kind="stable")
        typicality[members] = 1 - ranks / (len(members) - 1)
        median = np.median(distance)
        spread = _MAD_TO_SIGMA * np.median(np.abs(distance - median))
        score[members] = (distance - median) / max(spread, 1e-6)
    return typicality, score


def find_directions(
    features: np.ndarray, count: int, *, centre: np.ndarray | None = None
) -> np.ndarray:
    """Return the largest principal directions as columns, (d, min(count, d)) float32.

    Args:
        features: (n, d), read in blocks.
        centre: (d,), subtracted first; None: the mean.
    """
    size = features.shape[1]
    middle = features.mean(axis=0, dtype=np.float64) if centre is None else centre
    covariance = np.zeros((size, size))
    for rows in _list_blocks(len(features), size):
        block = np.asarray(features[rows], dtype=np.float32) - middle.astype(np.float32)
        covariance += block.T @ block
    count = min(count, size)
    _, vectors = scipy.linalg.eigh(covariance, subset_by_index=(size - count, size - 1))
    vectors = vectors[:, ::-1]
    # A direction has no sign: make the largest entry positive, so that it is always the same.
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(count)])
    return np.asarray(vectors * signs, dtype=np.float32)


def project_features(
    features: np.ndarray, directions: np.ndarray, *, centre: np.ndarray | None = None
) -> np.ndarray:
    """Return the features along the directions, (n, k) float32, in blocks."""
    projected = np.empty((len(features), directions.shape[1]), dtype=np.float32)
    for rows in _list_blocks(len(features), features.shape[1]):
        block = np.asarray(features[rows], dtype=np.float32)
        projected[rows] = (block if centre is None else block - centre) @ directions
    return projected


def _list_blocks(n: int, width: int) -> list[slice]:
    """Return slices of rows, so that a block of rows of `width` float32 stays small."""
    rows = max(_BLOCK_BYTES // (4 * width), 1)
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


def reduce_features(features: np.ndarray) -> np.ndarray:
    """Return the centred features along their 50 largest directions, (n, ≤ 50) float32."""
    centre = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    return project_features(features, find_directions(features, _BEFORE), centre=centre)


def map_by_pca(reduced: np.ndarray) -> np.ndarray:
    """Return the two largest directions of `reduce_features`, (n, 2) float32."""
    return np.ascontiguousarray(reduced[:, :2])


def map_by_tsne(reduced: np.ndarray) -> np.ndarray:
    """Return the positions by t-SNE, begun from the PCA, (n, 2) float32."""
    from sklearn.manifold import TSNE

    start = map_by_pca(reduced)
    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
    perplexity = min(_PERPLEXITY, max((len(reduced) - 1) / 3, 1.0))
    tsne = TSNE(2, perplexity=perplexity, init=start, random_state=SEED)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float32)
