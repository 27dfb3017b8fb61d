"""Baselines that any model has to beat, and a run compared with them.

The largest class, and the nearest training photos by features or colours; a photo is never its own
neighbour. A run is compared on the same photos; p-values are adjusted for the number of baselines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from core.evaluation.comparison import (
    Comparison,
    Verdict,
    adjust_holm,
    compare_predictions,
    find_holm_factors,
)
from core.evaluation.intervals import Estimate, estimate_share
from core.formats import percent, say_p

_CHUNK = 512
"""Photos compared with all training photos at once."""


def predict_majority(labels: np.ndarray, train: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (m,) int64, the largest class of the training photos `train` (t,) int."""
    return np.full(len(asked), np.bincount(labels[train]).argmax(), dtype=np.int64)


def predict_neighbours(
    described: np.ndarray, labels: np.ndarray, train: np.ndarray, asked: np.ndarray, k: int
) -> np.ndarray:
    """Return (m,) int64, the majority class of the k nearest training photos by cosine.

    The sum of the cosines decides between classes with equally many votes.

    Args:
        described: (n, d) float, a description of all photos.
        train: (t,) int, training photos; at least one other than the photo itself.
        asked: (m,) int, photos to answer.
    """
    known, answers = _normalise(described[train]), np.empty(len(asked), dtype=np.int64)
    k = min(k, len(train) - bool(np.isin(asked, train).any()))
    for start in range(0, len(asked), _CHUNK):
        photos = asked[start : start + _CHUNK]
        cosines = _normalise(described[photos]) @ known.T
        cosines[photos[:, None] == train] = -np.inf
        answers[start : start + _CHUNK] = _vote(cosines, labels[train], k)
    return answers


def describe_colours(photos: np.ndarray, levels: int = 6) -> np.ndarray:
    """Return (n, levels³) float32, root shares of the colours of photos (n, h, w, 3) uint8 RGB.

    The cosine of two rows is Bhattacharyya's coefficient of the histograms.

    Source:
        M. J. Swain and D. H. Ballard (1991), Int. J. Comput. Vision 7, 11-32: colour indexing.
    """
    n, bins = len(photos), levels**3
    scaled = photos.reshape(n, -1, 3).astype(np.int64) * levels // 256
    colours = (scaled[..., 0] * levels + scaled[..., 1]) * levels + scaled[..., 2]
    places = colours + bins * np.arange(n)[:, None]
    counted = np.bincount(places.ravel(), minlength=n * bins).reshape(n, bins)
    return np.asarray(np.sqrt(counted / max(1, colours.shape[1]), dtype=np.float32))


def _vote(cosines: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Return (m,) int64 for cosines (m, t) and the labels (t,) of their columns."""
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(cosines, nearest, axis=1)
    votes = np.zeros((len(cosines), int(labels.max()) + 1))
    rows = np.repeat(np.arange(len(cosines)), k)
    # A vote outweighs any difference in nearness: cosines sum to less than 2k in all.
    np.add.at(votes, (rows, labels[nearest].ravel()), 2.0 * k + near.ravel())
    return np.asarray(votes.argmax(axis=1))


def _normalise(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))


NAMES = {
    "majority": "Largest training class",
    "colours_1": "Nearest photo by colour",
    "colours_5": "5 nearest by colour",
    "features_1": "Nearest photo by frozen features",
    "features_5": "5 nearest by frozen features",
}
"""Titles of the baselines of `core.prediction.nearest`, the weakest first."""
_FROZEN = "features_"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A baseline (a) and the run (b)."""

    name: str
    """As in NAMES."""
    accuracy: Estimate
    """Accuracy of the baseline."""
    own: Estimate
    """Accuracy of the run on the same photos."""
    compared: Comparison
    p_value: float
    """Adjusted for all baselines."""

    @property
    def uses_network(self) -> bool:
        return self.name.startswith(_FROZEN)


class Worth(NamedTuple):
    """A verdict in one sentence, and the facts."""

    verdict: str
    facts: str


def compare_baselines(
    labels: np.ndarray,
    predictions: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> list[Beside]:
    """Return the run compared with each baseline (name → (n,) int), in the order of NAMES."""
    names = [name for name in NAMES if name in baselines]
    compared = [
        compare_predictions(labels, baselines[name], predictions, classes) for name in names
    ]
    p_values = [one.p_value for one in compared]
    factors, adjusted = find_holm_factors(p_values), adjust_holm(p_values)
    return [
        Beside(
            name=name,
            accuracy=estimate_share(one.both_right + one.lost, one.n),
            own=estimate_share(one.both_right + one.gained, one.n),
            compared=replace(one, factor=int(factor)),
            p_value=float(p_value),
        )
        for name, one, factor, p_value in zip(names, compared, factors, adjusted, strict=True)
    ]


def find_strongest(besides: Sequence[Beside], uses_network: bool) -> Beside | None:
    """Return the best baseline with (or without) features of the network."""
    among = [one for one in besides if one.uses_network == uses_network]
    return max(among, key=lambda one: one.accuracy.value, default=None)


def describe_worth(besides: Sequence[Beside]) -> list[Worth]:
    """Return two verdicts: against baselines without a network, then with frozen features."""
    strongest = (find_strongest(besides, uses_network) for uses_network in (False, True))
    return [_describe(one, len(besides)) for one in strongest if one and one.compared.n]


_VERDICTS: dict[bool, dict[Verdict, str]] = {
    False: {
        "better": "The model beats the simple baselines.",
        "worse": "A simple baseline beats the model.",
        "open": "No significant gain over a simple baseline.",
        "same": "No difference from a simple baseline.",
    },
    True: {
        "better": "Training beats nearest neighbours on the same features.",
        "worse": "Nearest neighbours on the same features beat the trained run.",
        "open": "No significant gain over nearest neighbours on the same features.",
        "same": "No difference from nearest neighbours on the same features.",
    },
}
"""Keys: whether the baseline uses features of the network."""


def _describe(beside: Beside, rules: int) -> Worth:
    compared = beside.compared
    n = compared.n
    verdict = _VERDICTS[beside.uses_network][compared.judge(beside.p_value)]
    said = (
        f"Accuracy {percent(compared.accuracy_b, n)} (n = {n:,}); "
        f"“{NAMES[beside.name].lower()}” {percent(compared.accuracy_a, n)}"
    )
    if compared.gained + compared.lost == 0:
        return Worth(verdict, f"{said}, on the same photos.")
    low, high = (100 * end for end in compared.interval)
    adjusted = f", adjusted for {rules} baselines" if rules > 1 else ""
    return Worth(
        verdict,
        f"{said}. Difference {100 * compared.difference:+.1f} points, 95 % interval {low:+.1f} to "
        f"{high:+.1f}; {compared.gained:,} gained, {compared.lost:,} lost, "
        f"{say_p(beside.p_value)} (McNemar{adjusted}).",
    )
