"""How often the 95 % intervals of figures over all classes hold the truth, with few photos a class.

Answers are drawn by known chances: classes equally large and right, or differing in how often they
are right, or in size (32-fold), too. Wrong answers go to a neighbour in 60 of 100 cases.
"""

import zlib
from itertools import product
from typing import NamedTuple

import numpy as np

from core.evaluation.agreement import (
    count_classes,
    estimate_balanced,
    estimate_matrix,
    measure_agreement,
)
from core.workspace import Workspace
from tests.bench.measuring import Figure, Report, say

CLASSES, PHOTOS, ACCURACIES = (2, 5, 20, 102), (1, 2, 5, 10, 30, 100), (0.5, 0.7, 0.9, 0.99)
KINDS = ("alike", "accuracies differ", "sizes differ")
SHOWN = ("weighted_precision", "weighted_f1", "macro_precision", "macro_f1", "cohen_kappa")
_MOST = 1_000
"""Photos of a draw; more take long and are no few."""


class Setting(NamedTuple):
    """What answers are drawn from."""

    sizes: np.ndarray
    """(k,) int."""
    chances: np.ndarray
    """(k, k), each row sums to 1."""


def measure(
    workspace: Workspace, *, rounds: int = 1000, resampled: int = 100, classes: int = 0
) -> Report:
    """Draw answers and count how often intervals hold the figure of the chances.

    Args:
        workspace: Not read.
        rounds: Draws of a setting for balanced accuracy.
        resampled: Draws of a setting for the figures whose intervals come from resamples.
        classes: Only of so many classes; 0: of each number in turn.
    """
    del workspace
    figures = []
    for many, photos in product([classes] if classes else CLASSES, PHOTOS):
        if many * photos > _MOST:
            continue
        say(f"{many} classes, {photos} photos each")
        settings = [make_setting(many, photos, *one) for one in product(ACCURACIES, KINDS)]
        others = [cover(one, resampled) for one in settings]
        note = ", ".join(
            f"{name.replace('_', ' ')} {_describe([one[name] for one in others])}" for name in SHOWN
        )
        balanced = [share for share in (cover_balanced(one, rounds) for one in settings) if share]
        worst = 100 * min(balanced, default=np.nan)
        mean = f"mean {100 * np.mean(balanced):.0f}; " if balanced else ""
        name = f"{many} classes × {photos}"
        figures.append(Figure(name, worst, "% balanced accuracy", note=mean + note))
    return Report(
        "Intervals of 95 % that hold the truth, in the worst of accuracies and kinds of classes",
        figures,
        {
            "accuracies": ", ".join(map(str, ACCURACIES)),
            "kinds": ", ".join(KINDS),
            "draws of a setting": f"{rounds}; {resampled} of all figures but balanced accuracy",
            "x / y": "mean / worst setting",
            "nan, –": "no interval is shown, because it would not hold",
        },
    )


def make_setting(classes: int, photos: int, accuracy: float, kind: str) -> Setting:
    """Return the sizes and chances of one kind of classes, right in about `accuracy`."""
    right = np.full(classes, accuracy)
    sizes = np.full(classes, photos)
    if kind != "alike":
        right = np.clip(np.linspace(accuracy - 0.25, accuracy + 0.25, classes), 0.2, 0.995)
    if kind == "sizes differ":
        sizes = np.maximum(1, np.round(photos * np.geomspace(0.25, 8, classes))).astype(int)
    wrong = (1 - np.eye(classes)) * (0.4 if classes > 2 else 0) / max(1, classes - 1)
    wrong[np.arange(classes), (np.arange(classes) + 1) % classes] += 0.6 if classes > 2 else 1
    wrong /= wrong.sum(axis=1, keepdims=True)
    return Setting(sizes, np.diag(right) + (1 - right)[:, None] * wrong)


def cover_balanced(setting: Setting, rounds: int) -> float | None:
    """Return how often the interval of balanced accuracy held the truth; None: it has none."""
    right = np.diag(setting.chances)
    drawn = np.random.default_rng(_seed(setting)).binomial(
        setting.sizes, right, (rounds, len(right))
    )
    found = [estimate_balanced(setting.sizes, hits) for hits in drawn]
    shown = [one for one in found if not np.isnan(one.low)]
    held = [one.low - 1e-9 <= right.mean() <= one.high + 1e-9 for one in shown]
    return float(np.mean(held)) if held else None


def cover(setting: Setting, rounds: int, resamples: int = 200) -> dict[str, list[bool]]:
    """Return for each figure whether its interval held the truth, a draw each that had one."""
    true = measure_agreement(count_classes(setting.chances * setting.sizes[:, None]))
    held: dict[str, list[bool]] = {name: [] for name in true}
    rng = np.random.default_rng(_seed(setting))
    for _ in range(rounds):
        matrix = rng.multinomial(setting.sizes, setting.chances)
        for name, found in estimate_matrix(matrix, resamples).items():
            if not np.isnan(found.low):
                held[name].append(bool(found.low - 1e-9 <= true[name] <= found.high + 1e-9))
    return held


def _seed(setting: Setting) -> int:
    return zlib.crc32(setting.chances.tobytes())


def _describe(held: list[list[bool]]) -> str:
    """Return the mean and the worst share of settings in which most draws had an interval."""
    shares = [np.mean(hits) for hits in held if len(hits) > max(map(len, held)) / 2]
    return f"{100 * np.mean(shares):.0f} / {100 * min(shares):.0f}" if shares else "–"
