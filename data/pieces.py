"""Pieces: the middle of a photo, searched in another photo at several sizes and mirrored."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

SURE_MATCH = 0.9
"""`measure_matches` from which a photo is a piece of another. Measured by tests/bench/copies.py."""
_MARGIN = 0.125
"""Share of a side around the middle that is searched: the edge may lie outside of the other."""
_COARSE, _FINE = 12, 24
"""Side of the middle in px, at all places and at the best one."""
_SIDES = range(16, 28)
"""Sides of the whole photo in px, in which the middle of a piece of 100 to 35 % is 12 px."""
_PLACES = np.array(
    [
        [length / side for length in (x + _COARSE / 2, y + _COARSE / 2, _COARSE, _COARSE, 1)]
        for side in _SIDES
        for y, x in product(range(side - _COARSE + 1), repeat=2)
    ]
)
"""(w, 5): middle, width and height of each place, and a pixel, in sides of the photo."""
_PROMISING = 0.82
"""Correlation of 12 x 12 px from which the place is adjusted."""


def measure_matches(
    photos: Sequence[np.ndarray] | np.ndarray,
    pairs: np.ndarray,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> np.ndarray:
    """Return how well the middle of a photo is found in the other of each pair, (m,) -1..1.

    Grey levels are correlated at all places of 100 to 35 % of the area, also mirrored. The best
    place is adjusted, its width and height apart, and its edges are correlated: a bright sky above
    dark ground is alike in many photos, edges are not. 0 where no place comes near.

    Args:
        photos: (n, 224, 224, 3) uint8 RGB.
        pairs: (m, 2) int.
        tell: Called with the number of finished comparisons and of all.
    """
    ends = np.concatenate([pairs, pairs[:, ::-1]])  # the first is searched in the second
    numbers, rows = np.unique(ends[:, 0], return_inverse=True)
    pieces = np.array([_cut_middle(_read_grey(photos[one]), _COARSE) for one in numbers])
    best, place = np.empty(len(ends)), np.empty(len(ends), dtype=np.int64)
    done = 0
    for known, some in pd.Series(rows).groupby(ends[:, 1]).indices.items():
        windows = _cut_windows(_read_grey(photos[known]))
        found = pieces[rows[some]].reshape(-1, _COARSE**2) @ windows.T
        found = found.reshape(len(some), -1)  # at all places, then mirrored
        best[some], place[some] = found.max(axis=1), found.argmax(axis=1)
        done += len(some)
        tell(done, 2 * len(ends))
    both = best.reshape(2, -1)
    match = np.zeros(len(pairs))
    promising = np.flatnonzero(both.max(axis=0) >= _PROMISING)
    for looked_at, pair in enumerate(promising):
        tell(len(ends) + len(ends) * looked_at // len(promising), 2 * len(ends))
        row = pair + both[:, pair].argmax() * len(pairs)
        one, other = (_read_grey(photos[end]) for end in ends[row])
        mirrored, where = divmod(place[row], len(_PLACES))
        match[pair] = _adjust_place(_cut_middle(one, _FINE)[mirrored], other, _PLACES[where])
    tell(2 * len(ends), 2 * len(ends))
    return match


def _adjust_place(piece: np.ndarray, ground: Image.Image, place: np.ndarray) -> float:
    """Return the correlation of edges of a piece (s, s) and the ground near a place (5,)."""
    side, full, wanted = len(piece), ground.width, piece.ravel()

    def cut(box: np.ndarray) -> np.ndarray:
        x, y, *size = box.tolist()
        width, height = (min(max(length, _COARSE), full) for length in size)
        left = min(max(x - width / 2, 0), full - width)
        top = min(max(y - height / 2, 0), full - height)
        ends = left, top, min(left + width, full), min(top + height, full)
        found = ground.resize((side, side), Image.Resampling.BILINEAR, ends)
        return np.asarray(found, dtype=np.float32).ravel()

    def lose(box: np.ndarray) -> float:
        found = cut(box)
        found -= found.mean()
        return -float(wanted @ found / max(np.sqrt(found @ found), side))

    *start, pixel = place * full
    corners = start + pixel * np.vstack([np.zeros(4), np.diag([1, 1, 2, 2])])
    limits = {"initial_simplex": corners, "maxfev": 60, "xatol": 0.2, "fatol": 2e-3}
    found = cut(scipy.optimize.minimize(lose, start, method="Nelder-Mead", options=limits).x)
    one, other = (np.ravel(np.gradient(levels)) for levels in (piece, found.reshape(side, side)))
    return float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), 1e-9))


def _cut_windows(grey: Image.Image) -> np.ndarray:
    """Return the standardised grey levels of all _PLACES, (w, 144) float32."""
    size = (_COARSE, _COARSE)
    cut = [sliding_window_view(_shrink(grey, side), size).reshape(-1, *size) for side in _SIDES]
    return _standardise(np.concatenate(cut))


def _cut_middle(grey: Image.Image, side: int) -> np.ndarray:
    """Return the standardised middle of a photo, and mirrored, (2, side, side) float32."""
    middle = _shrink(grey, side, round(grey.width * _MARGIN))
    return _standardise(np.stack([middle, middle[:, ::-1]])).reshape(2, side, side)


def _standardise(levels: np.ndarray) -> np.ndarray:
    """Return grey levels (…, s, s) as rows (w, s * s) of mean 0 and length 1; 0 where plain."""
    rows = levels.reshape(-1, levels.shape[-1] ** 2)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    plain = length < levels.shape[-1]  # a spread of less than one grey level shows nothing
    return np.asarray(rows * np.where(plain, 0, 1 / np.maximum(length, 1)), dtype=np.float32)


def _read_grey(photo: np.ndarray) -> Image.Image:
    """Return the grey levels of a photo at half its size."""
    return Image.fromarray(np.ascontiguousarray(photo)).convert("L").reduce(2)


def _shrink(grey: Image.Image, side: int, margin: int = 0) -> np.ndarray:
    """Return grey levels without their margins, (side, side) float32."""
    ends = (margin, margin, grey.width - margin, grey.height - margin)
    return np.asarray(grey.resize((side, side), Image.Resampling.BOX, ends), dtype=np.float32)
