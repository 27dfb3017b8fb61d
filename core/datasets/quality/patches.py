"""Patches: a logo, border or date (dates.py) that many photos of a class share and few others.

Photos are compared cell by cell in five frames: as packed (4 px), and by pixels of the file from
each corner (5 px), because photos differ in size. A patch is a group of neighbouring cells; in many
photos of a class each has one colour, which ends at the edge of the patch: a dark background is
none. P-values are Fisher's, times classes, frames, places and colours (Bonferroni).
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import scipy

from core.config import PHOTO_SIZE
from core.datasets.quality.dates import find_stamps
from core.exact.head import fit_head, one_hot
from data.dataset import Dataset

LEAST_PHOTOS, LEAST_SHARE = 5, 0.2
"""Photos of the class with the patch, in number and as a share."""
MOST_PAINTED = 60
"""Photos of a patch that are painted over."""
_LEVEL, _DATE_LEVEL = 0.05, 1e-6
"""A date needs a smaller p-value: stems of a class may be lines near a corner, too."""
_MOST_SEARCHED, _MOST_FOUND, _MOST_COMPARED = 10_000, 12, 300
"""Photos that are searched, patches that are kept, photos of a side that each cell compares."""
_FRAMES, _SIDE, _STEP = 5, 56, 5.0
_FEWER_OTHERS, _CONTINUES, _ONE_PATCH, _SAME_SHARE = 0.25, 0.25, 0.5, 0.8
_TOLERANCE, _NOWHERE = 8, -999
"""Difference of a colour channel up to which cells have one colour; no colour: cut off."""
_BIN, _BINS = 32, 9
_TOUCHING = np.ones((3, 3), dtype=bool)
_LINE = (0, 230, 118)
_Found = tuple[int, np.ndarray, np.ndarray]
"""Frame, cells (_SIDE, _SIDE) bool, and the photos that have the patch (m,) bool."""


def find_patches(dataset: Dataset, tell: Callable[[int, int], object]) -> pd.DataFrame:
    """Return a row for each patch, the most photos first.

    Returns:
        Columns class, photos (of the class, with the patch), n (photos of the class), others
        (other photos with it), m (other photos), frame, cells (numbers row by row), p_value.
    """
    n, k = len(dataset), len(dataset.classes)
    drawn = np.unique(np.linspace(0, n - 1, min(n, _MOST_SEARCHED)).astype(np.int64))
    owns = dataset.labels[drawn] == np.arange(k)[:, None]
    found: list[list[_Found]] = [[] for _ in owns]
    dates = find_stamps(dataset, drawn, owns)
    tested = [(_test(has, owns[label], k), label, (0, mask, has)) for label, mask, has in dates]
    for p_value, label, date in sorted(tested, key=lambda one: -one[0]):
        if p_value < _DATE_LEVEL:  # the clearest is the last
            found[label] = [date]
    for frame in range(_FRAMES):
        cells = _read_cells(dataset, drawn, frame)
        for label, own in enumerate(owns):
            tell(frame * k + label, _FRAMES * k)
            if own.sum() >= LEAST_PHOTOS and not own.all():
                found[label] += [(frame, *one) for one in _find_masks(cells, own)]
    rows = []
    for own, name, patches in zip(owns, dataset.classes, found, strict=True):
        for frame, mask, has in _join(patches, own):
            p_value = _test(has, own, k)
            if p_value < _LEVEL:
                ours, others = drawn[has & own].tolist(), int((has & ~own).sum())
                of, m, places = int(own.sum()), int((~own).sum()), np.flatnonzero(mask).tolist()
                rows.append((name, ours, of, others, m, frame, places, p_value))
    rows.sort(key=lambda row: -len(row[1]))
    columns = ["class", "photos", "n", "others", "m", "frame", "cells", "p_value"]
    return pd.DataFrame(rows[:_MOST_FOUND], columns=columns).assign(
        painted=0, right_before=0, right_after=0
    )


def _test(has: np.ndarray, own: np.ndarray, classes: int) -> float:
    """Return the adjusted p-value of a patch in these photos, or 1: too few, or too many others."""
    inside, others, of, m = (int(one.sum()) for one in (has & own, has & ~own, own, ~own))
    if inside < max(LEAST_PHOTOS, LEAST_SHARE * of) or others * of > _FEWER_OTHERS * inside * m:
        return 1.0
    chance = float(scipy.stats.hypergeom.sf(inside - 1, of + m, inside + others, of))
    return chance * classes * _FRAMES * _SIDE**2 * (_BINS - 1) ** 3


def _join(patches: list[_Found], own: np.ndarray) -> list[_Found]:
    """Join patches of one frame in the same photos; of several frames keep the most photos."""
    kept: list[_Found] = []
    for frame, mask, has in sorted(patches, key=lambda one: -one[2][own].sum()):
        same = [one for one in kept if (one[2] & has).sum() >= _ONE_PATCH * has.sum()]
        if not same:
            kept.append((frame, mask.copy(), has))
        elif same[0][0] == frame:
            same[0][1][mask] = True
    return kept


def _place_cells(dataset: Dataset, photos: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return start and step of the cells along x and y in packed pixels, (m, 2, 1) float each."""
    sizes = dataset.manifest[["width", "height"]].to_numpy(dtype=np.float64)[photos][..., None]
    if not frame:
        return np.zeros_like(sizes), np.full_like(sizes, PHOTO_SIZE / _SIDE)
    scale = PHOTO_SIZE / sizes.min(axis=1, keepdims=True)
    cut = (sizes * scale - PHOTO_SIZE) / 2  # by the centre crop, on each side
    far = np.array([[(frame - 1) % 2], [(frame - 1) // 2]], dtype=bool)  # from the right, bottom
    return np.where(far, PHOTO_SIZE + cut, -cut), np.where(far, -1, 1) * _STEP * scale


def _read_cells(dataset: Dataset, photos: np.ndarray, frame: int) -> np.ndarray:
    """Return the colour in the middle of each cell, (m, _SIDE², 3) int16."""
    start, step = _place_cells(dataset, photos, frame)
    middles = np.floor(start + step * (np.arange(_SIDE) + 0.5)).astype(np.int64)
    inside = (middles >= 0) & (middles < PHOTO_SIZE)
    cells = np.full((len(photos), _SIDE, _SIDE, 3), _NOWHERE, dtype=np.int16)
    packed = dataset.photos
    for row, photo in enumerate(photos):
        (x, y), (has_x, has_y) = middles[row], inside[row]
        cells[row][np.ix_(has_y, has_x)] = packed[photo][np.ix_(y[has_y], x[has_x])]
    return cells.reshape(len(photos), -1, 3)


def _find_masks(cells: np.ndarray, own: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the cells of each possible patch, (_SIDE, _SIDE) bool, and the photos with it, (m,)."""
    some, others = (
        np.flatnonzero(side)[:: 1 + int(side.sum()) // _MOST_COMPARED] for side in (own, ~own)
    )
    colours, shares = _find_colours(cells[some])
    common = np.flatnonzero(shares >= LEAST_SHARE)
    rare = _is_near(cells[np.ix_(others, common)], colours[common]).mean(axis=0)
    hot = np.zeros((_SIDE, _SIDE), dtype=bool)
    hot.flat[common[rare <= _FEWER_OTHERS * shares[common]]] = True
    grid = colours.reshape(_SIDE, _SIDE, 3)
    even = (np.ptp(_list_corners(grid), axis=0) <= 2 * _TOLERANCE).all(axis=2)
    parts, number = scipy.ndimage.label(even & np.all(_list_corners(hot), axis=0))
    for part in range(1, number + 1):
        mask = np.zeros((_SIDE, _SIDE), dtype=bool)
        for corner in _list_corners(mask):
            corner |= parts == part
        inside = mask.ravel()
        has = _is_near(cells[:, inside], colours[inside]).mean(axis=1) >= _SAME_SHARE
        around = _list_ring(mask, 2)
        if not has[own].any() or not around.any():
            continue
        nearest = scipy.ndimage.distance_transform_edt(
            ~mask, return_distances=False, return_indices=True
        )
        reached = colours[np.ravel_multi_index(tuple(nearest), mask.shape)[around]]
        if _is_near(cells[has & own][:, around.ravel()], reached).mean() <= _CONTINUES:
            yield mask, has


def _list_corners(cells: np.ndarray) -> list[np.ndarray]:
    """Return views of the four cells of each square of 2 x 2 cells, (_SIDE - 1, _SIDE - 1, …)."""
    return [cells[i : _SIDE - 1 + i, j : _SIDE - 1 + j] for i in (0, 1) for j in (0, 1)]


def _find_colours(own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the commonest colour of each cell (c, 3), and the share of photos near it (c,)."""
    places, known = np.arange(own.shape[1]), own[..., 0] != _NOWHERE
    best, colours = np.zeros(len(places)), np.full((len(places), 3), float(_NOWHERE) / 2)
    for shift in (0, _BIN // 2):  # two grids of colours: an edge of one is inside the other
        red, green, blue = np.moveaxis((own + shift) // _BIN, 2, 0)
        codes = (red * _BINS + green) * _BINS + blue
        counts = np.bincount((codes + places * _BINS**3)[known], minlength=len(places) * _BINS**3)
        chosen = known & (codes == counts.reshape(len(places), -1).argmax(axis=1))
        there = chosen.sum(axis=0)
        more = there > best
        middle = np.einsum("nc,ncd->cd", chosen[:, more], own[:, more], dtype=np.float64)
        colours[more] = middle / there[more, None]
        best = np.maximum(best, there)
    return colours, _is_near(own, colours).mean(axis=0)


def _is_near(cells: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return whether cells (m, c, 3) have these colours (c, 3), (m, c) bool."""
    return np.asarray((np.abs(cells - colours.astype(np.int16)) <= _TOLERANCE).all(axis=2))


def _list_ring(mask: np.ndarray, reach: int) -> np.ndarray:
    """Return the cells 2 to `reach` cells from a patch: nearer ones may be partly in it."""
    near = (scipy.ndimage.binary_dilation(mask, _TOUCHING, steps) for steps in (1, reach))
    return np.asarray(np.logical_xor(*near))


def outline_patch(
    dataset: Dataset, photos: np.ndarray, frame: int, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return packed photos with a line around the patch, and with it in the colour around it."""
    mask = np.zeros((_SIDE, _SIDE), dtype=bool)
    mask.flat[cells] = True
    whole = scipy.ndimage.binary_dilation(mask, _TOUCHING)  # its edge goes along
    parts = [np.pad(one, (0, 1)) for one in (whole & ~mask, whole, _list_ring(mask, 3))]
    start, step = _place_cells(dataset, photos, frame)
    at = np.floor((np.arange(PHOTO_SIZE) + 0.5 - start) / step).astype(np.int64)
    at = np.where((at < 0) | (at >= _SIDE), _SIDE, at)  # in the padding
    lined, painted = np.array(dataset.photos[photos]), np.array(dataset.photos[photos])
    for row, (x, y) in enumerate(at):
        line, patch, ring = (part[np.ix_(y, x)] for part in parts)
        lined[row][line] = _LINE
        if ring.any():
            painted[row][patch] = painted[row][ring].mean(axis=0).round()
    return lined, painted


def judge_patches(
    dataset: Dataset,
    features: np.ndarray,
    patches: pd.DataFrame,
    extract: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Add painted (photos), right_before and right_after: answers of the exact head.

    A training photo is answered by the head fitted without it; test photos have no part.
    """
    train, answers = dataset.photo_numbers("train"), []
    if not len(train):
        return
    head = fit_head(features, dataset.labels, train, len(dataset.classes))
    for photos, frame, cells in patches[["photos", "frame", "cells"]].itertuples(index=False):
        asked = np.array([one for one in photos if dataset.splits[one] != "test"], dtype=np.int64)
        asked = asked[:: 1 + (len(asked) - 1) // MOST_PAINTED]
        rows = head.to_rows(extract(outline_patch(dataset, asked, frame, cells)[1]))
        before, after = np.array(head.outputs[asked]), rows @ head.coefficients
        learnt = np.isin(asked, train)
        own, at = asked[learnt], np.searchsorted(train, asked[learnt])
        # The head without a photo x is W − (A + λI)⁻¹ x (y − Wx) / (1 − leverage).
        weights = np.einsum("mr,mr->m", rows[learnt] * head.weights, head.rows[own])
        apart = one_hot(dataset.labels[own], head.n_classes) - head.left_out[at]
        after[learnt] -= weights[:, None] * apart
        before[learnt] = head.left_out[at]
        right = [(one.argmax(axis=1) == dataset.labels[asked]).sum() for one in (before, after)]
        answers.append((len(asked), *right))
    patches[["painted", "right_before", "right_after"]] = np.array(answers, dtype=np.int64)
