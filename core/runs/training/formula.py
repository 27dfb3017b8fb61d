"""The strategy without epochs: the best linear head by formula, and what its λ was chosen by.

ridge.json in the run's folder holds the leave-one-out error of the training photos against λ;
pages read it. No Keras here.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from core.instant.head import fit_head
from core.runs.run_files import read_json
from core.workspace import write_json
from models.dense import DenseHead, measure_scores
from models.plan import EpochResult
from models.rows import Rows

RIDGE_FILE = "ridge.json"


@dataclass(frozen=True, kw_only=True)
class RidgeChoice:
    """How λ was chosen: by leaving out each training photo once, in closed form."""

    ridge: float
    """λ, the one of the least error."""
    ridges: tuple[float, ...]
    """Ascending."""
    errors: tuple[float, ...]
    """Mean squared distance of the outputs from the right answer, of photos that are left out."""
    accuracies: tuple[float, ...]
    """Share of them that is answered right."""
    photos: int
    """How many were left out, each once."""

    @property
    def accuracy(self) -> float:
        """The share that is answered right at the chosen λ."""
        return self.accuracies[self.ridges.index(self.ridge)]


def solve_head(
    features: np.ndarray, labels: np.ndarray, train: np.ndarray, n_classes: int
) -> tuple[DenseHead, RidgeChoice]:
    """Return the head that the exact head of a dataset is, its temperature folded in, and its λ.

    Args:
        features: (n, 2048) float32, of all photos.
        labels: (n,) int.
        train: (m,) int, numbers of the photos it learns from.
        n_classes: A class without a photo is hardly ever the answer.
    """
    solved = fit_head(features, labels, train, n_classes)
    assert solved.curve is not None  # λ was not given
    kernel, bias = solved.kernel
    mean, scale = solved.standard.mean, solved.standard.scale
    head = DenseHead(  # whose features come standardised
        kernels=((kernel * scale[:, None] / solved.temperature).astype(np.float32),),
        biases=(((bias + mean @ kernel) / solved.temperature).astype(np.float32),),
        mean=mean,
        scale=scale,
    )
    points = {name: tuple(values.tolist()) for name, values in vars(solved.curve).items()}
    return head, RidgeChoice(ridge=solved.ridge, photos=len(train), **points)


def measure_head(
    head: DenseHead,
    train: tuple[Rows, np.ndarray],
    validation: tuple[Rows, np.ndarray],
    since: float,
) -> EpochResult:
    """Return the one step as an epoch: what the head answers for features and labels of each.

    Args:
        since: When it began, by `perf_counter`.
    """
    loss, accuracy = measure_scores(head.scores(train[0]), train[1])
    judged = measure_scores(head.scores(validation[0]), validation[1]) if len(validation[1]) else ()
    val_loss, val_accuracy = judged or (None, None)
    seconds = perf_counter() - since
    return EpochResult(
        epoch=1,
        loss=loss,
        accuracy=accuracy,
        train_loss=loss,
        train_accuracy=accuracy,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        seconds=seconds,
        photos_per_second=len(train[1]) / seconds,
    )


def write_choice(folder: Path, choice: RidgeChoice) -> None:
    """Write how λ was chosen into the run's folder."""
    write_json(folder / RIDGE_FILE, asdict(choice))


def read_choice(folder: Path) -> RidgeChoice | None:
    """Return how λ was chosen; None where the file is missing or damaged."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in read_json(folder / RIDGE_FILE).items()
    }
    try:
        return RidgeChoice(**values)
    except TypeError:
        return None
