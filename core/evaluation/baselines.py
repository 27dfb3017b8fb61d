"""What any model has to beat: answers that need no training, and a run beside them.

The largest class, and the nearest photos by some description of them (features, colours). All learn
from the training photos alone; a training photo is never its own neighbour. A run is compared on
the same photos; p-values are adjusted for the number of baselines, because the strongest is picked
by these very photos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import NamedTuple

import numpy as np

from core.evaluation.comparison import (
    Comparison,
    Verdict,
    adjust_holm,
    compare_predictions,
    describe_p,
)
from core.evaluation.intervals import Estimate, wilson_interval
from core.formats import count, percent, say_p

_CHUNK = 512
"""Photos compared with all training photos at once."""


def predict_majority(labels: np.ndarray, train: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (m,) int64: for each photo asked, the largest class of the training photos.

    Args:
        train: (t,) int photo numbers to learn from; the first of equally large classes is taken.
    """
    return np.full(len(asked), np.bincount(labels[train]).argmax(), dtype=np.int64)


def predict_neighbours(
    described: np.ndarray, labels: np.ndarray, train: np.ndarray, asked: np.ndarray, k: int
) -> np.ndarray:
    """Return (m,) int64: the class that most of the k nearest training photos have, by cosine.

    Of classes with equally many votes, that whose photos are nearer together (sum of cosines).

    Args:
        described: (n, d) float, a description of all photos; a row of zeros is near to none.
        train: (t,) int photo numbers to learn from; at least one beside a photo that is asked.
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
    """Return (n, levels³) float32: how much of a photo has each colour, as roots of shares.

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
    "majority": "Largest class of train",
    "colours_1": "Nearest photo by colour",
    "colours_5": "5 nearest by colour",
    "features_1": "Nearest photo by frozen features",
    "features_5": "5 nearest by frozen features",
}
"""What a person reads for each baseline of `core.prediction.nearest`, weakest idea first."""
_FROZEN = "features_"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The run compared with one baseline."""

    name: str
    """As in NAMES."""
    accuracy: Estimate
    """Of the baseline."""
    own: Estimate
    """The accuracy of the run on the same photos."""
    compared: Comparison
    """Baseline a, run b."""
    p_value: float
    """Adjusted for all baselines."""

    @property
    def interval(self) -> tuple[float, float]:
        """Of the difference; adjusted as the p-value is, so that the two agree."""
        return self.compared.adjust_interval(self.p_value)

    @property
    def uses_network(self) -> bool:
        return self.name.startswith(_FROZEN)


class Worth(NamedTuple):
    """What a comparison says."""

    verdict: str
    """One sentence."""
    facts: str


def compare_baselines(
    labels: np.ndarray,
    predictions: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> list[Beside]:
    """Return the run beside each baseline, in the order of NAMES.

    Args:
        baselines: Name → (n,) int.
    """
    names = [name for name in NAMES if name in baselines]
    compared = [
        compare_predictions(labels, baselines[name], predictions, classes) for name in names
    ]
    adjusted = adjust_holm([one.p_value for one in compared])
    return [
        Beside(
            name=name,
            accuracy=_measure(one.both_right + one.lost, one.n),
            own=_measure(one.both_right + one.gained, one.n),
            compared=one,
            p_value=float(p_value),
        )
        for name, one, p_value in zip(names, compared, adjusted, strict=True)
    ]


def find_strongest(besides: Sequence[Beside], uses_network: bool) -> Beside | None:
    """Return the baseline with most hits, of those with or without the network's features."""
    among = [one for one in besides if one.uses_network == uses_network]
    return max(among, key=lambda one: one.accuracy.value, default=None)


def describe_worth(besides: Sequence[Beside]) -> list[Worth]:
    """Return a verdict in words: against what needs no network, then against frozen features."""
    strongest = (find_strongest(besides, uses_network) for uses_network in (False, True))
    return [_describe(one, len(besides)) for one in strongest if one and one.compared.n]


_VERDICTS: dict[bool, dict[Verdict, str]] = {
    False: {
        "better": "Yes, ResNet-50 is worth it.",
        "worse": "No: colours and counting do better.",
        "open": "Not shown: ResNet-50 and a simple rule are not told apart.",
        "same": "No: a simple rule answers as well.",
    },
    True: {
        "better": "Training adds to its features.",
        "worse": "Training took away from its features: looking up the nearest photos does better.",
        "open": "What training adds to its features is not told apart from chance.",
        "same": "Training adds nothing to its features.",
    },
}
"""By whether the baseline uses the network's features."""


def _describe(beside: Beside, rules: int) -> Worth:
    compared = beside.compared
    n = compared.n
    verdict = _VERDICTS[beside.uses_network][compared.judge(beside.p_value)]
    said = (
        f"Right on {percent(compared.accuracy_b, n)} of {count(n, 'photo')}; "
        f"“{NAMES[beside.name].lower()}” on {percent(compared.accuracy_a, n)}"
    )
    if compared.gained + compared.lost == 0:
        return Worth(verdict, f"{said}: the same ones.")
    low, high = (100 * end for end in beside.interval)
    several = rules > 1
    widened = f", widened because {rules} rules are compared" if several else ""
    adjusted = f" Adjusted for {rules} rules (Holm), {say_p(beside.p_value)}." if several else ""
    return Worth(
        verdict,
        f"{said}: {100 * compared.difference:+.1f} points, 95 % interval {low:+.1f} to "
        f"{high:+.1f}{widened}. {count(compared.gained, 'photo')} gained, {compared.lost:,} lost: "
        f"two equally good rules split so unevenly, or more, in {describe_p(compared.p_value)} "
        f"comparisons.{adjusted}",
    )


def _measure(hits: int, n: int) -> Estimate:
    low, high = wilson_interval(hits, n)
    return Estimate(value=hits / n if n else nan, low=low, high=high, n=n, method="Wilson")
