"""A property taken out of a run's features: what may be taken, how, and what its exact head loses.

LEACE: r(x) = x - W⁺PW(x - μ), where W whitens and P projects on what of the whitened features goes
with the property; the least change of the features after which no linear head can read it from the
training photos. With U the least-squares weights that predict the property, W⁺PW is Σxz(ΣzxU)⁺Uᵀ,
and in the head's eigenvectors U needs no matrix.

Source: N. Belrose et al. (2023), LEACE, arXiv 2306.03819.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.datasets.quality.slicing import list_properties
from core.datasets.quality.store import read_quality
from core.datasets.selections import find_selected, list_selections, read_selection
from core.evaluation.comparison import count_changes
from core.instant.head import ExactHead
from core.instant.subsets import answer_nested
from core.runs.jobs import Tell
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset

KINDS = 20
"""Values of a category that get a column; those of fewest photos share the last."""
_LEAST = 1e-6
"""Eigenvalue, of the largest, below which a direction is taken for empty."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Eraser:
    """What is taken off rows (n, r): (rows - mean) reading · removed."""

    mean: np.ndarray
    """(r,) of the training photos."""
    reading: np.ndarray
    """(r, q): says the property."""
    removed: np.ndarray
    """(q, r)."""

    def erase(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows without the property."""
        return np.asarray(rows - (rows - self.mean) @ self.reading @ self.removed)


def make_eraser(head: ExactHead, columns: np.ndarray) -> Eraser:
    """Return what takes a property out.

    Args:
        head: Whose training photos say how features go with it.
        columns: (m, q) of these photos.
    """
    rows = np.asarray(head.rows[head.train], np.float64)
    centred = columns - columns.mean(axis=0)
    products = rows.T @ centred
    is_full = head.eigenvalues > _LEAST * head.eigenvalues.max()
    weights = np.where(is_full, 1 / np.where(is_full, head.eigenvalues, 1), 0)
    reading = weights[:, None] * products
    inner = np.linalg.pinv(products.T @ reading, rcond=1e-10, hermitian=True)
    return Eraser(mean=rows.mean(axis=0), reading=reading @ inner, removed=products.T)


def answer_erased(head: ExactHead, eraser: Eraser, photos: np.ndarray) -> np.ndarray:
    """Return the outputs (v, k) for photos by the head fitted without the property."""
    both, m = np.concatenate([head.train, photos]), len(head.train)
    rows = eraser.erase(np.asarray(head.rows[both], np.float64))
    erased = replace(head, rows=rows, labels=head.labels[both])
    return next(answer_nested(erased, np.arange(m), np.array([m]), np.arange(m, len(both))))


def code_property(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return a property as columns (n, q): numbers by their spread in train, categories one-hot.

    Args:
        values: (n,) or (n, c) numbers, or (n,) bool or str.
    """
    if values.dtype.kind in "fiu":
        numbers = values.reshape(len(values), -1).astype(np.float64)
        numbers = np.where(np.isfinite(numbers), numbers, np.nanmean(numbers[train], axis=0))
        spread = numbers[train].std(axis=0)
        return np.asarray((numbers - numbers[train].mean(axis=0)) / np.where(spread > 0, spread, 1))
    names, times = np.unique(values[train], return_counts=True)
    names = names[np.argsort(-times, kind="stable")][:KINDS]
    return np.asarray(values[:, None] == names, np.float64)


def read_property(head: ExactHead, columns: np.ndarray, photos: np.ndarray) -> float:
    """Return the share of a property's variance in photos that a linear head reads (R²; ≤ 1).

    Args:
        columns: (n, q) of all photos.
        photos: (v,) int, not in train.
    """
    mean = columns[head.train].mean(axis=0)
    products = head.rows[head.train].T @ (columns[head.train] - mean)
    said = (head.rows[photos] * head.weights) @ products
    true = columns[photos] - mean
    total = float(((true - true.mean(axis=0)) ** 2).sum())
    return 1 - float(((true - said) ** 2).sum()) / total if total > 0 else 0.0


RANDOM = 10
"""Random directions of the same rank, beside the property."""
_BORDER, _SELECTED = "border", "selection:"
_RIM = 16
"""Of a photo's side, one part is its rim."""


def list_erasable(workspace: Workspace, dataset: Dataset, result: RunResult) -> dict[str, str]:
    """Return what can be taken away, by name, with what it is called: no photo is read."""
    properties = list_properties(dataset, result.splits)
    train = result.photo_numbers("train")
    names = {
        name: one.label
        for name, one in properties.items()
        if len(np.unique(one.values[train])) > 1 and name != "issue"
    }
    names[_BORDER] = "Border of the photo"
    for selection in list_selections(workspace):
        inside = np.isin(train, find_selected(selection, dataset))
        if 0 < inside.sum() < len(train):
            names[f"{_SELECTED}{selection.id}"] = f"Selection “{selection.name}”"
    return names


def read_values(
    workspace: Workspace, dataset: Dataset, splits: np.ndarray, what: str, tell: Tell
) -> np.ndarray:
    """Return the property of all photos, (n,), or of the border its mean colour, (n, 3)."""
    if what == _BORDER:
        return _measure_borders(dataset, tell)
    if what.startswith(_SELECTED):
        selection = read_selection(workspace, what.removeprefix(_SELECTED))
        chosen = find_selected(selection, dataset)
        return np.isin(np.arange(len(dataset.labels)), chosen)
    quality = read_quality(workspace, dataset.id)
    return list_properties(dataset, splits, quality)[what].values


def erase_property(
    head: ExactHead, values: np.ndarray, judges: np.ndarray, tell: Tell
) -> Mapping[str, pd.DataFrame]:
    """Return `facts`, `classes` and `flips` of the head without a property.

    `facts`, one row: n, rank, readable (R² on the judging photos), before, gained, lost, flips, and
    of random directions flips_random, change_low and change_high (photos). `classes`: class, n,
    before, gained, lost. `flips`: photo, answer and answer without it.
    """
    columns = code_property(values, head.train)
    train, true = columns[head.train], head.labels[judges]
    before = head.outputs[judges].argmax(axis=1)
    rng = np.random.default_rng(0)
    found = []
    for number in range(RANDOM + 1):
        tell("taking directions away", number, RANDOM + 1)
        drawn = train if number == 0 else rng.normal(size=train.shape)
        found.append(answer_erased(head, make_eraser(head, drawn), judges).argmax(axis=1))
    after, others = found[0], np.stack(found[1:])
    was, now = before == true, after == true
    changes = (others == true).sum(axis=1) - was.sum()
    facts = {
        "n": len(judges),
        "rank": int(np.linalg.matrix_rank(train - train.mean(axis=0))),
        "readable": read_property(head, columns, judges),
        **count_changes(was, now),
        "flips": int((after != before).sum()),
        "flips_random": float((others != before).sum(axis=1).mean()),
        "change_low": int(changes.min()),
        "change_high": int(changes.max()),
    }
    frame = pd.DataFrame({"class": true, "before": was, "gained": now & ~was, "lost": was & ~now})
    classes = frame.groupby("class", as_index=False).sum()
    classes.insert(1, "n", np.bincount(true)[classes["class"]])
    flipped = after != before
    flips = {"photo": judges[flipped], "before": before[flipped], "after": after[flipped]}
    return {
        "facts": pd.DataFrame([facts]),
        "classes": classes,
        "flips": pd.DataFrame(flips),
    }


def _measure_borders(dataset: Dataset, tell: Tell) -> np.ndarray:
    """Return the mean colour of each photo's rim, (n, 3)."""
    n = len(dataset.labels)
    colours = np.empty((n, 3))
    for photo in range(n):
        tell("reading the borders of photos", photo, n)
        pixels = np.array(dataset.photos[photo], np.float64)
        rim = max(1, min(pixels.shape[:2]) // _RIM)
        inside = pixels[rim:-rim, rim:-rim]
        total = pixels.sum(axis=(0, 1)) - inside.sum(axis=(0, 1))
        area = pixels.shape[0] * pixels.shape[1] - inside.shape[0] * inside.shape[1]
        colours[photo] = total / area
    return colours
