"""Is ResNet-50 worth it? A run beside baselines that need no network, and in words what it adds.

All on the same photos, so the comparison is paired. The p-values are adjusted for the number of
baselines: the strongest is picked out by these very photos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.evaluation.comparison import Comparison, adjust_holm, compare_predictions
from core.evaluation.intervals import Estimate, wilson_interval
from core.evaluation.verdict import describe_p
from core.formats import count, percent

NAMES = {
    "majority": "Largest class of train",
    "colours_1": "Nearest photo by colour",
    "colours_5": "5 nearest by colour",
    "features_1": "Nearest photo by frozen features",
    "features_5": "5 nearest by frozen features",
}
"""What a person reads for each baseline of `core.prediction.baselines`, weakest idea first."""
_FROZEN = "features_"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The run compared with one baseline."""

    name: str
    """As in NAMES."""
    accuracy: Estimate
    """Of the baseline."""
    compared: Comparison
    """Baseline a, run b."""
    p_value: float
    """Adjusted for all baselines."""

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
    """Returns the run beside each baseline, in the order of NAMES.

    Args:
        labels: (n,) int.
        predictions: (n,) int, of the run.
        baselines: Name → (n,) int.
    """
    names = [name for name in NAMES if name in baselines]
    compared = [
        compare_predictions(labels, baselines[name], predictions, classes) for name in names
    ]
    adjusted = adjust_holm([one.p_value for one in compared])
    return [
        Beside(name=name, accuracy=_measure(one), compared=one, p_value=float(p_value))
        for name, one, p_value in zip(names, compared, adjusted, strict=True)
    ]


def find_strongest(besides: Sequence[Beside], uses_network: bool) -> Beside | None:
    """Returns the baseline with most hits, of those with or without the network's features."""
    among = [one for one in besides if one.uses_network == uses_network]
    return max(among, key=lambda one: one.accuracy.value, default=None)


def describe_worth(besides: Sequence[Beside]) -> list[Worth]:
    """Returns a verdict in words: against what needs no network, then against frozen features."""
    found = []
    plain = find_strongest(besides, uses_network=False)
    if plain is not None and plain.compared.n:
        verdicts = {
            "better": "Yes, ResNet-50 is worth it.",
            "worse": "No: colours and counting do better.",
            "open": "Not shown: ResNet-50 and a simple rule are not told apart.",
            "same": "No: a simple rule answers as well.",
        }
        found.append(_describe(plain, verdicts))
    frozen = find_strongest(besides, uses_network=True)
    if frozen is not None and frozen.compared.n:
        verdicts = {
            "better": "Training adds to its features.",
            "worse": "Training took away from its features: looking up the nearest photos does "
            "better.",
            "open": "What training adds to its features is not told apart from chance.",
            "same": "Training adds nothing to its features.",
        }
        found.append(_describe(frozen, verdicts))
    return found


def _describe(beside: Beside, verdicts: Mapping[str, str]) -> Worth:
    compared = beside.compared
    n = compared.n
    verdict = verdicts[compared.judge(beside.p_value)]
    said = (
        f"Right on {percent(compared.accuracy_b, n)} of {count(n, 'photo')}; "
        f"“{NAMES[beside.name].lower()}” on {percent(compared.accuracy_a, n)}"
    )
    if compared.gained + compared.lost == 0:
        return Worth(verdict, f"{said}: the same ones.")
    low, high = (100 * end for end in compared.interval)
    return Worth(
        verdict,
        f"{said}: {100 * compared.difference:+.1f} points, 95 % interval {low:+.1f} to "
        f"{high:+.1f}. Two equally good rules would differ so much in "
        f"{describe_p(beside.p_value)} comparisons.",
    )


def _measure(compared: Comparison) -> Estimate:
    hits = compared.both_right + compared.lost
    low, high = wilson_interval(hits, compared.n)
    return Estimate(value=compared.accuracy_a, low=low, high=high, n=compared.n, method="Wilson")
