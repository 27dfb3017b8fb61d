"""Date stamps: writing in one colour at one place, whose digits differ between photos.

Ink is a saturated or white pixel of a thin line. A stamp is a flat block of cells near a corner of
the packed photo with more ink in the class than above, below and in other classes. A photo has it
if its ink of that colour is spread over the block and rare above and below.
"""

from collections.abc import Iterator

import numpy as np
import scipy

from core.config import PHOTO_SIZE
from data.dataset import Dataset

_FEWEST, _AT_ONCE, _ROWS, _REACH, _CONTRAST = 5, 16, 52, 4, 45
"""Photos of a class, and at once; rows at top and bottom; pixels from a line to other colours."""
_HUES, _SATURATED, _BRIGHT, _WHITE, _GREY = 24, 70, 110, 190, 40
_CELL, _LEAST_INK, _THAN_OTHERS, _THAN_AROUND, _AWAY = 4, 0.02, 3, 2, 5
"""Ink of a cell: share of its pixels, ratios to other classes and to cells above and below."""
_FILLED, _FLAT, _SHORT, _LONG, _HIGH, _FROM_SIDE, _FROM_END = 0.6, 1.25, 3, 47, 5, 7, 9
"""A block: share of hot cells, width to height; cells: width, height, from the photo's edges."""
_SPREAD, _AROUND, _THIN, _THICK, _CONFINED = 0.3, 0.4, 0.03, 0.6, 0.05
"""Ink of a photo: columns with it, density around to inside, share of the block, of the photo's."""
_SIDE = PHOTO_SIZE // _CELL
_Stamp = tuple[int, np.ndarray, np.ndarray]
"""Class, cells (_SIDE, _SIDE) bool, and the photos that have it, (m,) bool."""


def find_stamps(dataset: Dataset, photos: np.ndarray, owns: np.ndarray) -> Iterator[_Stamp]:
    """Yield the possible stamps of each class; owns (k, m) bool are the photos of the classes."""
    photo, x, y, hue = ink = _read_ink(dataset, photos)
    codes = (hue * _SIDE + y) * _SIDE + x
    total = _count_ink(codes)
    for label, own in enumerate(owns):
        if _FEWEST <= own.sum() < len(own):
            counts = _count_ink(codes[own[photo]])
            share, others = counts / own.sum(), (total - counts) / (~own).sum()
            line = np.pad(scipy.ndimage.uniform_filter1d(share, 3), [(0, 0), [_AWAY] * 2, (0, 0)])
            around = np.maximum(line[:, : -2 * _AWAY], line[:, 2 * _AWAY :])
            least = np.maximum(_THAN_OTHERS * others, _THAN_AROUND * around)
            for colour, rows, columns in _list_blocks(share >= least.clip(_LEAST_INK * _CELL**2)):
                near = np.arange(colour - 1, colour + 2) % _HUES if colour < _HUES else colour
                mask = np.zeros((_SIDE, _SIDE), dtype=bool)
                mask[rows, columns] = True
                same = ink[:3, np.isin(hue, near)]
                yield label, mask, _have_stamp(same, rows, columns, len(own))


def _read_ink(dataset: Dataset, photos: np.ndarray) -> np.ndarray:
    """Return row of the photo, x and y of the cell, and hue (_HUES: white) of ink, (4, i) int."""
    found = []
    for first in range(0, len(photos), _AT_ONCE):
        some = dataset.photos[photos[first : first + _AT_ONCE]]
        for top in (0, PHOTO_SIZE - _ROWS):
            strip = np.ascontiguousarray(np.moveaxis(some[:, top : top + _ROWS], 3, 0))
            ink = np.flatnonzero(_find_lines(strip))
            photo, y, x = np.unravel_index(ink, strip.shape[1:])
            red, green, blue = pixels = strip.reshape(3, -1)[:, ink].astype(np.int16)
            most, span = pixels.max(axis=0), np.maximum(np.ptp(pixels, axis=0), 1)
            turn = np.where(most == green, (blue - red) / span + 2, (red - green) / span + 4)
            turn = np.where(most == red, (green - blue) / span % 6, turn)
            hue = np.where(span <= _GREY, _HUES, (turn * _HUES / 6).astype(int) % _HUES)
            found.append(np.array([photo + first, x // _CELL, (y + top) // _CELL, hue], np.int32))
    return np.concatenate(found, axis=1)


def _find_lines(strip: np.ndarray) -> np.ndarray:
    """Return which pixels of planes (3, m, h, w) are ink, (m, h, w) bool."""
    most, least = strip.max(axis=0), strip.min(axis=0)
    coloured = (most - least >= _SATURATED) & (most >= _BRIGHT)
    coloured |= (least >= _WHITE) & (most - least <= _GREY)
    thin = np.zeros_like(coloured)
    for axis in (1, 2):
        planes, lines = np.moveaxis(strip, axis + 1, 1), np.moveaxis(thin, axis, 0)
        one, two = planes[:, _REACH:], planes[:, :-_REACH]
        differ = (np.maximum(one, two) - np.minimum(one, two)).max(axis=0) >= _CONTRAST
        lines[_REACH:-_REACH] |= differ[_REACH:] & differ[:-_REACH]
    return np.asarray(coloured & thin)


def _count_ink(codes: np.ndarray) -> np.ndarray:
    """Return the ink of each hue and its neighbours by cell, (_HUES + 1, 56, 56) int."""
    counts = np.bincount(codes, minlength=(_HUES + 1) * _SIDE**2).reshape(-1, _SIDE, _SIDE)
    counts[:-1] += np.roll(counts[:-1], 1, axis=0) + np.roll(counts[:-1], -1, axis=0)
    return counts


def _list_blocks(hot: np.ndarray) -> Iterator[tuple[int, slice, slice]]:
    """Yield hue, rows and columns of flat blocks near a corner."""
    for hue in np.flatnonzero(hot.any(axis=(1, 2))).tolist():
        lines = np.array(scipy.ndimage.binary_closing(np.pad(hot[hue], 2), np.ones((1, 3))))
        lines = np.array(scipy.ndimage.binary_opening(lines, np.ones((1, 3))))[2:-2, 2:-2]
        for y, x in scipy.ndimage.find_objects(scipy.ndimage.label(lines, np.ones((3, 3)))[0]):
            side, end = min(x.start, _SIDE - x.stop), min(y.stop, _SIDE - y.start)
            height, width = lines[y, x].shape
            flat = height <= _HIGH and max(_SHORT, _FLAT * height) <= width <= _LONG
            if flat and side <= _FROM_SIDE and end <= _FROM_END and lines[y, x].mean() >= _FILLED:
                yield hue, y, x


def _have_stamp(ink: np.ndarray, rows: slice, columns: slice, photos: int) -> np.ndarray:
    """Return which photos have ink (photo, x, y) like a stamp in a block, (photos,) bool."""
    photo, x, y = ink[:, (ink[1] >= columns.start) & (ink[1] < columns.stop)]
    past = np.maximum(rows.start - y, y - rows.stop + 1)  # the block, in cells above or below
    near, inside = (past > 1) & (past <= 4), past <= 0
    filled = np.unique(photo[inside] * _SIDE + x[inside]) // _SIDE
    around, within, whole, spread = (
        np.bincount(one, minlength=photos) for one in (photo[near], photo[inside], ink[0], filled)
    )
    height, width = rows.stop - rows.start, columns.stop - columns.start
    alone = (around * height <= _AROUND * within * 6) & (within >= _CONFINED * whole)
    share = within / (height * width * _CELL**2)
    lines = (share >= _THIN) & (share <= _THICK) & (spread >= _SPREAD * width)
    return np.asarray(alone & lines)
