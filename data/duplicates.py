"""Exact duplicates, and near-duplicates of another size, light or crop.

Near-duplicates have perceptual hashes a few bits apart; pixels or features confirm them. Pieces
have other hashes: they are searched in the photos nearest in features.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations
from typing import Literal

import numpy as np
import pandas as pd

from data.dataset import Dataset
from data.pieces import SURE_MATCH, measure_matches
from data.splits import SPLITS

NEAR_DISTANCE = 10
"""Largest distance of hashes in bits of 64; real copies and retouched ones are closer."""
SURE_DISTANCE = 4
"""Distance up to which similar pixels (SURE_DIFFERENCE) are enough proof."""
SURE_DIFFERENCE = 60.0
NEAR_DIFFERENCE = 25.0
"""Mean absolute difference of pixels, 0..255, that confirms a pair of more distant hashes."""
NEAREST = 5
"""A pair is also confirmed if one photo is among this many nearest photos of the other.

All five calibrated by eye on the pairs of flower_photos and Oxford 102.
"""
MOST_PAIRS = 100_000
"""Limit for pairs, closest first: a thousand copies of a picture make half a million."""

SEARCHED, MOST_SEARCHED = 20, 500_000
"""Nearest photos of each in which pieces of it are searched; fewer where all would be too many."""
_BOTH = np.array([[0, 1]])

_QUARTER = 16
"""Bits of a quarter of a hash, the key of its bucket."""
_MOST_COMPARED = 2**21
"""Limit for pairs in memory."""


def find_exact_groups(manifest: pd.DataFrame) -> list[np.ndarray]:
    """Return the photo numbers of each group of equal files, ascending; groups by first photo."""
    digests = manifest["sha256"].reset_index(drop=True)
    copies = digests[digests.duplicated(keep=False)]
    groups = copies.groupby(copies, sort=False).indices.values()
    return [np.asarray(copies.index[rows], dtype=np.int64) for rows in groups]


def read_hashes(manifest: pd.DataFrame) -> np.ndarray:
    """Return the perceptual hash of each photo, (n,) uint64."""
    return np.array([int(text, 16) for text in manifest["phash"]], dtype=np.uint64)


def find_near_pairs(
    hashes: np.ndarray, max_distance: int = NEAR_DISTANCE, most: int = MOST_PAIRS
) -> np.ndarray:
    """Return the pairs of hashes at most `max_distance` bits apart, (m, 3) int64: a < b, distance.

    The search is exact: at least one quarter of two such hashes differs by a quarter of the
    distance or less, so only buckets of nearly equal quarters are compared. The most distant pairs
    beyond `most` are dropped.

    Args:
        hashes: (n,) uint64.
    """
    radius = max_distance // (64 // _QUARTER)
    found, total = [np.empty((0, 3), dtype=np.int64)], 0
    for shift in range(0, 64, _QUARTER):
        quarters = _cut(hashes, shift)
        order = np.argsort(quarters, kind="stable")
        ordered, buckets = hashes[order], quarters[order].astype(np.int64)
        for one, other in _pair_buckets(buckets, radius):
            apart = ordered[one] ^ ordered[other]
            distance = np.bitwise_count(apart)
            near = distance <= max_distance
            for earlier in range(0, shift, _QUARTER):  # these pairs were found before
                near[near] = np.bitwise_count(_cut(apart[near], earlier)) > radius
            ends = np.sort(np.stack([order[one[near]], order[other[near]]], axis=1), axis=1)
            found.append(np.column_stack([ends, distance[near]]).astype(np.int64))
            total += len(ends)
            if total > 4 * most:
                found = [_keep_closest(np.concatenate(found), most)]
                total = len(found[0])
    return _keep_closest(np.concatenate(found), most)


def _cut(hashes: np.ndarray, shift: int) -> np.ndarray:
    return (hashes >> np.uint64(shift)).astype(np.uint16)


def _pair_buckets(buckets: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield places (m,), (m,) int of pairs with sorted buckets (n,) at most `radius` bits apart.

    Each pair comes once, also pairs inside a bucket.
    """
    starts, places = np.searchsorted(buckets, np.arange(2**_QUARTER + 1)), np.arange(len(buckets))
    for bits in chain.from_iterable(combinations(range(_QUARTER), r) for r in range(radius + 1)):
        others = buckets ^ sum(1 << bit for bit in bits)
        first = starts[others] if bits else places + 1
        counts = np.where(others >= buckets, starts[others + 1] - first, 0)
        ends = np.cumsum(counts)
        begin = 0
        while begin < len(places):
            before = ends[begin] - counts[begin]
            end = max(begin + 1, int(np.searchsorted(ends, before + _MOST_COMPARED, "right")))
            some = counts[begin:end]
            one = np.repeat(places[begin:end], some)
            offset = first[begin:end] - (ends[begin:end] - some - before)
            yield one, np.arange(len(one)) + np.repeat(offset, some)
            begin = end


def find_pairs(
    dataset: Dataset,
    features: np.ndarray | None = None,
    neighbours: np.ndarray | None = None,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> pd.DataFrame:
    """Return the pairs of duplicates, the surest first.

    Columns: a, b (photo numbers, a < b), kind (“exact”: equal files or pixels; “near”),
    hash_distance (bits), similarity (cosine of features, or NaN), difference (mean absolute
    difference of pixels, 0..255), match (of a piece, or NaN for near hashes), across_classes
    (bool), splits (“train–test”, or one split), leak (bool: in different splits).

    Args:
        features: (n, 2048) float, or None.
        neighbours: (n, k) int, the nearest photos by features, or None: no pieces are searched.
        tell: Called with the number of finished comparisons for pieces and of all.
    """
    photos, hashes = dataset.photos, read_hashes(dataset.manifest)
    near, match = find_near_pairs(hashes), np.empty(0)
    if neighbours is not None:
        pieces, match = _find_pieces(photos, hashes, neighbours, tell)
        near = np.concatenate([near, pieces])
    match = np.append(np.full(len(near) - len(match), np.nan), match)
    difference = np.array([_measure_difference(photos[a], photos[b]) for a, b, _ in near])
    digests = dataset.manifest["sha256"].to_numpy()
    a, b, distance = near.T
    exact = (digests[a] == digests[b]) | (difference == 0)
    kept = exact | _are_alike(distance, difference) | _are_nearest(a, b, neighbours)
    kept |= match >= SURE_MATCH
    pairs = pd.DataFrame(
        {
            "a": a,
            "b": b,
            "kind": np.where(exact, "exact", "near"),
            "hash_distance": distance,
            "similarity": _measure_cosines(features, a, b, kept),
            "difference": difference,
            "match": match,
        }
    )[kept]
    pairs = pairs.sort_values(["kind", "difference", "a", "b"], kind="stable")
    return add_places(pairs, dataset.labels, dataset.splits)


def add_places(pairs: pd.DataFrame, labels: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Return the pairs with across_classes, splits and leak, from labels and splits (n,)."""
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    names, places = np.array(SPLITS, dtype=object), pd.Categorical(splits, SPLITS).codes
    first, second = np.minimum(places[a], places[b]), np.maximum(places[a], places[b])
    leak = first != second
    return pairs.assign(
        across_classes=labels[a] != labels[b],
        splits=np.where(leak, names[first] + "–" + names[second], names[first]),
        leak=leak,
    ).reset_index(drop=True)


def _keep_closest(pairs: np.ndarray, most: int) -> np.ndarray:
    order = np.lexsort((pairs[:, 1], pairs[:, 0], pairs[:, 2]))
    return pairs[order[:most]]


def _find_pieces(
    photos: np.ndarray,
    hashes: np.ndarray,
    neighbours: np.ndarray,
    tell: Callable[[int, int], object],
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of distant hashes that share a piece, as `find_near_pairs`, and their match."""
    near = neighbours[:, : min(SEARCHED, MOST_SEARCHED // max(len(neighbours), 1))]
    ends = np.stack([np.repeat(np.arange(len(near)), near.shape[1]), near.ravel()], axis=1)
    ends = np.unique(np.sort(ends, axis=1), axis=0).astype(np.int64)
    distance = np.bitwise_count(hashes[ends[:, 0]] ^ hashes[ends[:, 1]])
    ends, distance = ends[distance > NEAR_DISTANCE], distance[distance > NEAR_DISTANCE]
    match = measure_matches(photos, ends, tell)
    found = match >= SURE_MATCH
    return np.column_stack([ends, distance]).astype(np.int64)[found], match[found]


def _measure_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean absolute difference of the pixels of two photos, 0..255."""
    # uint8 throughout: the larger minus the smaller never wraps.
    return float((np.maximum(one, other) - np.minimum(one, other)).mean())


def _measure_cosines(
    features: np.ndarray | None, a: np.ndarray, b: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    cosines = np.full(len(a), np.nan)
    if features is not None:
        for place in np.flatnonzero(wanted):
            one, other = (np.asarray(features[row[place]], dtype=np.float64) for row in (a, b))
            norm = np.linalg.norm(one) * np.linalg.norm(other)
            cosines[place] = np.clip(one @ other / norm, -1, 1) if norm else 0.0
    return cosines


def _are_nearest(a: np.ndarray, b: np.ndarray, neighbours: np.ndarray | None) -> np.ndarray:
    if neighbours is None:
        return np.zeros(len(a), dtype=bool)
    nearest = np.asarray(neighbours[:, :NEAREST])
    of_a, of_b = (nearest[a] == b[:, None]).any(axis=1), (nearest[b] == a[:, None]).any(axis=1)
    return np.asarray(of_a | of_b)


Copies = dict[int, Literal["exact", "near"]]
"""Photos of the dataset that a new photo duplicates; “exact”: equal files or equal pixels."""


def find_copies(
    dataset: Dataset,
    table: pd.DataFrame,
    photos: np.ndarray,
    nearest: Sequence[Sequence[int]] | None = None,
) -> list[Copies]:
    """Return the duplicates of each new photo in the dataset, ordered by photo number.

    A piece of the new photo is searched in its nearest photos, at several sizes and mirrored.

    Args:
        table: (m) rows of new photos, columns sha256 and phash.
        photos: (m, 224, 224, 3) uint8 RGB, the new photos, packed.
        nearest: Numbers of the nearest photos by features for each new photo, or None.
    """
    known = dataset.photos
    digests = dataset.manifest["sha256"].to_numpy()
    hashes = read_hashes(dataset.manifest)
    found = []
    for row, new_hash in enumerate(read_hashes(table)):
        alike = digests == table["sha256"].iat[row]
        close = np.bitwise_count(hashes ^ new_hash)
        looked_at = alike | (close <= NEAR_DISTANCE)
        by_features = list(nearest[row]) if nearest is not None else []
        looked_at[by_features] = True
        copies: Copies = {}
        for number in np.flatnonzero(looked_at).tolist():
            difference = _measure_difference(photos[row], known[number])
            is_exact, is_close = alike[number] or not difference, close[number] <= NEAR_DISTANCE
            if is_exact or (is_close and _are_alike(close[number], difference)):
                copies[number] = "exact" if is_exact else "near"
            elif number in by_features and (
                is_close or measure_matches([photos[row], known[number]], _BOTH) >= SURE_MATCH
            ):
                copies[number] = "near"
        found.append(copies)
    return found


def _are_alike(distance: np.ndarray, difference: np.ndarray | float) -> np.ndarray:
    """Return the pairs of near hashes that pixels confirm, (m,) bool."""
    sure = (distance <= SURE_DISTANCE) & (difference <= SURE_DIFFERENCE)
    return np.asarray(sure | (difference <= NEAR_DIFFERENCE))
