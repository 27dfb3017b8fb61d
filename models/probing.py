"""Photos to try a backbone on, and how near its features come to the exact ones."""

import numpy as np

from core.config import PHOTO_SIZE

COSINE_LIMIT = 0.999
"""A faster precision is used only where its features keep this cosine with those in f32."""


def draw_probe_photos(photos: int = 8) -> np.ndarray:
    """Returns coloured clouds (n, 224, 224, 3) uint8 RGB: as in photos, coarse scales rule."""
    rng = np.random.default_rng(0)
    clouds = np.zeros((photos, PHOTO_SIZE, PHOTO_SIZE, 3))
    for cells in (2, 4, 7, 14, 28, 56):
        patches = rng.normal(size=(photos, cells, cells, 3)) / cells
        side = PHOTO_SIZE // cells
        clouds += patches.repeat(side, axis=1).repeat(side, axis=2)
    low, high = clouds.min(axis=(1, 2), keepdims=True), clouds.max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = ((clouds - low) / (high - low) * 255).astype(np.uint8)
    return scaled


def compare_features(features: np.ndarray, exact: np.ndarray) -> float:
    """Returns the least cosine between the rows of both (n, 2048); NaN when one is not finite."""
    a, b = features.astype(np.float64), exact.astype(np.float64)
    with np.errstate(all="ignore"):
        cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return float(cosines.min())
