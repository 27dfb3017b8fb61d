"""The strategy without epochs: solve the exact head for a run, and store how λ was chosen.

ridge.json in the run's folder has the leave-one-out error of the training photos against λ.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from pydantic import TypeAdapter

from core.exact.head import fit_head
from core.workspace import write_json
from models.dense import DenseHead, measure_scores
from models.plan import EpochResult
from models.rows import Rows

RIDGE_FILE = "ridge.json"


@dataclass(frozen=True, kw_only=True)
class RidgeChoice:
    """How λ was chosen: each training photo was left out once, in closed form."""

    ridge: float
    """λ with the least error."""
    ridges: tuple[float, ...]
    """Ascending."""
    errors: tuple[float, ...]
    """Mean squared error of the photos left out."""
    accuracies: tuple[float, ...]
    """Of the same photos."""
    photos: int

    @property
    def accuracy(self) -> float:
        """The leave-one-out accuracy at the chosen λ."""
        return self.accuracies[self.ridges.index(self.ridge)]


def solve_head(
    features: np.ndarray, labels: np.ndarray, train: np.ndarray, n_classes: int
) -> tuple[DenseHead, RidgeChoice]:
    """Return the exact head with its temperature folded in, and the choice of λ.

    Args: As `fit_head`.
    """
    solved = fit_head(features, labels, train, n_classes)
    kernel, bias = solved.kernel
    mean, scale = solved.standard.mean, solved.standard.scale
    head = DenseHead(  # for standardised features
        kernels=((kernel * scale[:, None] / solved.temperature).astype(np.float32),),
        biases=(((bias + mean @ kernel) / solved.temperature).astype(np.float32),),
        mean=mean,
        scale=scale,
    )
    points = {name: tuple(values.tolist()) for name, values in solved.curve._asdict().items()}
    return head, RidgeChoice(ridge=solved.ridge, photos=len(train), **points)


def measure_head(
    head: DenseHead,
    train: tuple[Rows, np.ndarray],
    validation: tuple[Rows, np.ndarray],
    since: float,
) -> EpochResult:
    """Return the step as an epoch: the loss and accuracy on training and validation photos.

    Args:
        since: `perf_counter` at the start of the step.
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


def write_ridge(folder: Path, choice: RidgeChoice) -> None:
    """Write how λ was chosen into the run's folder."""
    write_json(folder / RIDGE_FILE, asdict(choice))


def read_ridge(folder: Path) -> RidgeChoice | None:
    """Return how λ was chosen; None if the file is missing or damaged."""
    with suppress(OSError, ValueError):
        return TypeAdapter(RidgeChoice).validate_json((folder / RIDGE_FILE).read_bytes())
    return None
