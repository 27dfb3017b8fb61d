"""The head in NumPy, for pages, the API and the scores of a run.

features (n, d) → standardise → [dense, relu]* → dense → softmax → scores (n, k), in float64, so
that the scores of a photo do not depend on other photos in the batch.
"""

import functools
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import ResultDamaged
from core.workspace import write_atomically
from models.rows import Rows, split_rows

_NEVER = -1e4
"""Logit of a class without an output."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseHead:
    """A trained head; the last layer gives the logits of the k classes."""

    kernels: tuple[np.ndarray, ...]
    """(inputs, outputs) float32 for each layer."""
    biases: tuple[np.ndarray, ...]
    """(outputs,) float32 for each layer."""
    mean: np.ndarray
    """(d,) float32, subtracted from the features."""
    scale: np.ndarray
    """(d,) float32, divides the difference."""

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays by name, as files have them."""
        named = {"mean": self.mean, "scale": self.scale}
        for number, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            named |= {f"kernel_{number}": kernel, f"bias_{number}": bias}
        return named

    def scores(self, features: Rows) -> np.ndarray:
        """Return the scores (n, k) float32; each row sums to 1.

        In double precision: single-precision sums depend on the number of threads.
        """
        scores = np.empty((len(features), len(self.biases[-1])), np.float32)
        for rows in split_rows(len(features)):
            logits = self._activations(features[rows])[-1]
            raised = np.exp(logits - logits.max(axis=1, keepdims=True))
            scores[rows] = raised / raised.sum(axis=1, keepdims=True)
        return scores

    def logit_gradient(self, features: np.ndarray, class_numbers: np.ndarray) -> np.ndarray:
        """Return the gradient of a logit by the features, (n, d) float32.

        `class_numbers` (n,) int: the class of each row.
        """
        gradients = np.empty(features.shape, np.float32)
        for rows in split_rows(len(features)):
            activations = self._activations(features[rows])
            gradient = self._kernels[-1].T[np.asarray(class_numbers)[rows]]
            for kernel, hidden in zip(self._kernels[-2::-1], activations[-2::-1], strict=True):
                gradient = (gradient * (hidden > 0)) @ kernel.T
            gradients[rows] = gradient / self.scale
        return gradients

    def _activations(self, features: np.ndarray) -> list[np.ndarray]:
        """Return the output of each layer: hidden ones after relu, then the logits."""
        mean, scale = self._spread
        values = (features - mean) / scale
        given = []
        for number, (kernel, bias) in enumerate(zip(self._kernels, self.biases, strict=True), 1):
            values = values @ kernel + bias
            if number < len(self._kernels):
                values = np.maximum(values, 0)
            given.append(values)
        return given

    @functools.cached_property
    def _spread(self) -> tuple[np.ndarray, np.ndarray]:
        # In one type: NumPy converts mixed ones in small pieces, which doubles the time of scores.
        return self.mean.astype(np.float64), self.scale.astype(np.float64)

    @functools.cached_property
    def _kernels(self) -> tuple[np.ndarray, ...]:
        return tuple(kernel.astype(np.float64) for kernel in self.kernels)


def select_outputs(head: DenseHead, outputs: Sequence[int]) -> DenseHead:
    """Return the head with one output for each class, by the number of the output; -1: none."""
    chosen = np.asarray(outputs)
    kernel, bias = head.kernels[-1][:, chosen], head.biases[-1][chosen]
    kernel[:, chosen < 0], bias[chosen < 0] = 0.0, _NEVER
    return replace(head, kernels=(*head.kernels[:-1], kernel), biases=(*head.biases[:-1], bias))


def measure_spread(features: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and scale (d,) float32 for standardisation.

    The scale is the standard deviation, or a hundredth of the median one if that is larger.
    """
    total = sum(features[rows].sum(axis=0, dtype=np.float64) for rows in split_rows(len(features)))
    mean = np.asarray(total / len(features))
    squares = sum(
        np.square(features[rows] - mean).sum(axis=0) for rows in split_rows(len(features))
    )
    scale = np.sqrt(squares / len(features))
    floor = 0.01 * np.median(scale) or 1.0
    return mean.astype(np.float32), np.maximum(scale, floor).astype(np.float32)


def measure_scores(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean categorical cross-entropy and the accuracy, as Keras computes them.

    Source: keras.losses.categorical_crossentropy, which keeps scores in [1e-7, 1 - 1e-7].
    """
    of_label = scores[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(np.clip(of_label, 1e-7, 1 - 1e-7)).mean()
    return float(loss), float((scores.argmax(axis=1) == labels).mean())


def write_head(head: DenseHead, path: Path) -> None:
    """Write the head as .npz."""
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **head.arrays)


def make_head(arrays: Mapping[str, np.ndarray]) -> DenseHead:
    """Return the head of its arrays by name."""
    layers = range((len(arrays) - 2) // 2)
    return DenseHead(
        kernels=tuple(arrays[f"kernel_{layer}"] for layer in layers),
        biases=tuple(arrays[f"bias_{layer}"] for layer in layers),
        mean=arrays["mean"],
        scale=arrays["scale"],
    )


def read_head(path: Path) -> DenseHead:
    """Return the head of a file.

    Raises:
        ResultDamaged: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return make_head(stored)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ResultDamaged(
            f"The head {path} is missing or damaged.",
            "Train the run again: the same recipe gives the same head.",
            file=str(path),
        ) from error
