"""Features of the trained workspace, gone, to be computed by units again, each part slowly here."""

import time
from typing import NamedTuple

import numpy as np
import pytest

from core import pieces
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.runs.training import by_units, preparing
from core.runs.training.preparing import Preparation, delete_features, prepare_features
from core.workspace import Workspace
from data.manifest import read_dataset
from models.devices import find_device
from models.weights import find_weights

SLOWLY_S = 2.0


class Told:
    """A listener that remembers how many photos were done."""

    def __init__(self) -> None:
        self.done: list[int] = []

    def begin_phase(self, phase: str) -> None:
        """Is told of a phase, and forgets it."""

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        """Remember how many were done."""
        assert total == 36 and "per_second" in facts
        self.done.append(done)


class Known(NamedTuple):
    """What the features were, and of which dataset."""

    dataset: str
    values: np.ndarray


def take_features(workspace: Workspace, patch: pytest.MonkeyPatch, rows: int) -> Known:
    """Return the features of the trained workspace, which are gone; a part has so many rows."""
    result = read_result(workspace, list_runs(workspace)[0].id)
    values = np.array(read_run_features(workspace, result))
    delete_features(workspace, result.dataset_id)
    for module in (pieces, by_units, preparing):
        patch.setattr(module, "ROWS", rows)
    return Known(result.dataset_id, values)


def gather(
    workspace: Workspace, dataset: str, listener: Told | None = None, **changes: object
) -> np.ndarray:
    """Return the features again, computed by units."""
    by = Preparation(
        workspace=workspace, device=find_device(), listener=listener or Told(), **changes
    )
    weights = find_weights(workspace, "random")
    return prepare_features(by, read_dataset(workspace, dataset), weights, "resnet").values


def want_slowly(
    workspace: Workspace, dataset: str, patch: pytest.MonkeyPatch
) -> tuple[np.ndarray, list[int]]:
    """Return the features, and for each part that was computed here how many rows it had."""
    compute, here = by_units.compute_features, list[int]()

    def slowly(*what: object) -> np.ndarray:
        time.sleep(SLOWLY_S)
        rows: np.ndarray = compute(*what)  # type: ignore[arg-type]
        here.append(len(rows))
        return rows

    patch.setattr(by_units, "compute_features", slowly)
    return gather(workspace, dataset), here
