"""How often intervals of cross-validation cover the accuracy of the run's own head: simulated sets.

`python -m tests.bench.cross_validation` prints the table that core/evaluation/cross_validation.py
names. Classes are Gaussian, copies differ by a little noise, the head is a ridge regression.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from core.evaluation.cross_validation import judge_folds
from data.splits import draw_folds

_FEATURES, _FOLDS, _REPEATS, _NEW = 60, 5, 3, 2_000


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What many sets gave."""

    accuracy: float
    """Mean, of the run's own head on new photos."""
    bias: float
    """Of the cross-validated accuracy."""
    covered: dict[str, float]
    """Share of intervals that held the accuracy of the run's head, by method."""
    width: float
    """Mean, of ours."""


def simulate(
    classes: int, photos: int, *, apart: float, copies: int = 1, sets: int = 200, seed: int = 0
) -> Simulated:
    """Return what intervals of cross-validation do on sets of this kind.

    Args:
        classes: How many.
        photos: Of each class, copies counted.
        apart: Spread of the class means; photos spread by 1 around them.
        copies: So many photos are copies of each other.
        sets: How many are simulated.
        seed: Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(classes * (photos // copies)), copies)
    labels = np.repeat(np.arange(classes), photos // copies * copies)
    names = [str(number) for number in range(classes)]
    truths, values, widths = [], [], []
    covered = {"ours": 0, "fold shares, corrected t": 0}
    for number in range(sets):
        means = rng.normal(size=(classes, _FEATURES)) * apart
        base = np.repeat(rng.normal(size=(groups[-1] + 1, _FEATURES)), copies, axis=0)
        near = 0.15 * rng.normal(size=base.shape) if copies > 1 else 0.0
        features = means[labels] + base + near
        new = np.repeat(np.arange(classes), max(20, _NEW // classes))
        others = means[new] + rng.normal(size=(len(new), _FEATURES))
        learnt = draw_folds(labels, groups, folds=6, seed=number) != 0  # as a run's own split
        truth = float((_answer(features[learnt], labels[learnt], others) == new).mean())
        answers, shares = _leave_out(features, labels, groups, seed=number * _REPEATS)
        found = judge_folds(answers, labels, groups, names, _FOLDS).accuracy
        half = _correct_t(shares)
        covered["ours"] += int(found.low <= truth <= found.high)
        covered["fold shares, corrected t"] += int(abs(float(np.mean(shares)) - truth) <= half)
        truths.append(truth)
        values.append(found.value)
        widths.append(found.high - found.low)
    return Simulated(
        accuracy=float(np.mean(truths)),
        bias=float(np.mean(values) - np.mean(truths)),
        covered={name: hits / sets for name, hits in covered.items()},
        width=float(np.mean(widths)),
    )


def _leave_out(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[np.ndarray, list[float]]:
    answers = np.full((_REPEATS, len(labels)), -1)
    shares = []
    for repeat in range(_REPEATS):
        folds = draw_folds(labels, groups, folds=_FOLDS, seed=seed + repeat)
        for out in (folds == number for number in np.unique(folds)):
            answers[repeat, out] = _answer(features[~out], labels[~out], features[out])
            shares.append(float((answers[repeat, out] == labels[out]).mean()))
    return answers, shares


def _answer(features: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    mean = features.mean(axis=0)
    targets = np.eye(labels.max() + 1)[labels]
    middle = targets.mean(axis=0)
    seen, n = features - mean, len(features)
    weights = np.linalg.solve(seen @ seen.T + 0.1 * n * np.eye(n), targets - middle)
    return np.asarray(((others - mean) @ seen.T @ weights + middle).argmax(axis=1))


def _correct_t(shares: list[float]) -> float:
    """Return half the interval of Nadeau and Bengio (2003)."""
    spread = float(np.var(shares, ddof=1)) * (1 / len(shares) + 1 / (_FOLDS - 1))
    return float(student.ppf(0.975, len(shares) - 1) * np.sqrt(spread))


def main() -> None:
    """Print the table, in under two minutes."""
    print("classes photos copies accuracy   bias  width  covered: ours, corrected t")
    for classes, photos in ((2, 4), (2, 8), (2, 20), (5, 4), (5, 12), (5, 40), (20, 4), (20, 8)):
        for apart in (0.15, 0.3, 0.6):
            for copies in (1, 2) if photos > 6 else (1,):
                sets = 150 if classes < 20 else 40
                one = simulate(classes, photos, apart=apart, copies=copies, sets=sets)
                shares = "  ".join(f"{share:.3f}" for share in one.covered.values())
                print(
                    f"{classes:7} {photos:6} {copies:6} {one.accuracy:8.2f} {one.bias:+6.3f} "
                    f"{one.width:6.2f}           {shares}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
