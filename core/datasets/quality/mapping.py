"""Photos in two dimensions by their features: PCA, t-SNE, UMAP. Seeded: the same on each call."""

import numpy as np

from core.datasets.quality.neighbours import find_directions, project_features

SEED = 0
_BEFORE = 50  # directions that t-SNE and UMAP are given, as their authors advise
_PERPLEXITY = 30.0


def reduce_features(features: np.ndarray) -> np.ndarray:
    """Returns the centred features along their 50 largest directions, (n, ≤ 50) float32."""
    centre = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    return project_features(features, find_directions(features, _BEFORE), centre=centre)


def map_by_pca(reduced: np.ndarray) -> np.ndarray:
    """Returns the two largest directions of `reduce_features`, (n, 2) float32."""
    return np.ascontiguousarray(reduced[:, :2])


def map_by_tsne(reduced: np.ndarray) -> np.ndarray:
    """Returns the positions by t-SNE, begun from the PCA, (n, 2) float32."""
    from sklearn.manifold import TSNE

    start = map_by_pca(reduced)
    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
    perplexity = min(_PERPLEXITY, max((len(reduced) - 1) / 3, 1.0))
    tsne = TSNE(2, perplexity=perplexity, init=start, random_state=SEED)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float32)


def map_by_umap(reduced: np.ndarray) -> np.ndarray:
    """Returns the positions by UMAP, (n, 2) float32; umap-learn must be installed."""
    from importlib import import_module  # an extra: type checkers need not find it

    # A seed makes it the same on each call, and keeps it to one thread.
    neighbours = min(15, len(reduced) - 1)
    umap = import_module("umap").UMAP(
        n_components=2, n_neighbors=neighbours, random_state=SEED, n_jobs=1
    )
    return np.asarray(umap.fit_transform(reduced), dtype=np.float32)
