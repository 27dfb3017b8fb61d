"""How often the 95 % intervals of figures over all classes hold the truth, with few photos a class.

Answers are drawn by known chances: classes equally large and right, or differing in how often they
are right, or in size (32-fold), too. Wrong answers go to a neighbour in 60 of 100 cases.
"""

import zlib
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from core.evaluation.agreement import count_classes, estimate_matrix, measure_agreement
from core.workspace import Workspace
from tests.bench.measuring import Figure, Report, say

CLASSES, PHOTOS, ACCURACIES = (2, 5, 20, 102), (1, 2, 5, 10, 30, 100), (0.5, 0.7, 0.9, 0.99)
KINDS = ("alike", "accuracies differ", "sizes differ")
SHOWN = ("macro_precision", "macro_f1", "weighted_precision", "weighted_f1", "cohen_kappa")
_MOST = 1_000
"""Photos of a draw; more take long and are no few."""


class Setting(NamedTuple):
    """What answers are drawn from."""

    sizes: np.ndarray
    """(k,) int."""
    chances: np.ndarray
    """(k, k), each row sums to 1."""


def measure(workspace: Workspace, *, rounds: int = 120, resampled: int = 10) -> Report:
    """Draw answers and count how often intervals hold the figure of the chances.

    Args:
        workspace: Not read.
        rounds: Draws of a setting for balanced accuracy.
        resampled: Draws of a setting for the figures whose intervals come from resamples.
    """
    del workspace
    figures = []
    for classes, photos in product(CLASSES, PHOTOS):
        if classes * photos > _MOST:
            continue
        say(f"{classes} classes, {photos} photos each")
        settings = [make_setting(classes, photos, *one) for one in product(ACCURACIES, KINDS)]
        balanced = [cover(one, rounds, 0)["balanced_accuracy"] for one in settings]
        others = [cover(one, resampled, 60) for one in settings]
        note = ", ".join(_describe(name, [one[name] for one in others]) for name in SHOWN)
        lowest = sorted(filter(None, balanced), key=np.mean)[:1]
        worst = f"worst setting {_describe('', lowest)}; {note}"
        every = [hit for hits in balanced for hit in hits]
        held = float(np.mean(every)) if every else np.nan
        name = f"{classes} classes × {photos}"
        figures.append(Figure(name, 100 * held, "%: balanced accuracy", note=worst))
    return Report(
        "Intervals of 95 % that hold the truth, over accuracies and kinds of classes",
        figures,
        {
            "accuracies": ", ".join(map(str, ACCURACIES)),
            "kinds": ", ".join(KINDS),
            "draws of a setting": f"{rounds}; {resampled} of all figures but balanced accuracy",
            "–": "no interval is shown, because it would not hold",
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


def cover(setting: Setting, rounds: int, resamples: int) -> dict[str, list[bool]]:
    """Return for each figure whether its interval held the truth, a draw each that had one."""
    true = measure_agreement(count_classes(setting.chances * setting.sizes[:, None]))
    held: dict[str, list[bool]] = {name: [] for name in true}
    for matrix in _draw(setting, rounds):
        for name, found in estimate_matrix(matrix, resamples).items():
            if not np.isnan(found.low):
                held[name].append(bool(found.low - 1e-9 <= true[name] <= found.high + 1e-9))
    return held


def _draw(setting: Setting, rounds: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(zlib.crc32(setting.chances.tobytes()))
    for _ in range(rounds):
        yield rng.multinomial(setting.sizes, setting.chances)


def _describe(name: str, held: list[list[bool]]) -> str:
    every = [hit for hits in held for hit in hits]
    said = f"{100 * np.mean(every):.0f}" if every else "–"
    return f"{name.replace('_', ' ')} {said}"
