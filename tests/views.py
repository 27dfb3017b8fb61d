"""Prepares views of photos for tests, by random weights, and hears what is told meanwhile."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.runs.recipe.recipe import Recipe
from core.runs.training.preparing import Preparation
from core.runs.training.views import ViewRequest, prepare_views
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import PRESETS, AugmentationPolicy
from models.devices import Device, find_device
from models.weights import find_weights

GENTLE, STRONG, NONE = (PRESETS[name] for name in ("gentle", "strong", "none"))
PHOTOS = np.array([5, 3, 11, 30, 12, 0, 7, 35, 20, 21])
"""Ten photos: a batch of eight and a rest."""


class Told(NamedTuple):
    """What a preparation told."""

    phases: list[str]
    progress: list[tuple[int, int]]


class Ear:
    """Hears what a preparation tells; asks for a stop after so many photos."""

    def __init__(self, patience: int | None = None) -> None:
        self.told = Told([], [])
        self._patience = patience

    def tell(self, phase: str, done: int, total: int, **facts: float) -> None:
        if not total:
            self.told.phases.append(phase)
            return
        assert facts["per_second"] > 0 <= facts["seconds_left"]
        self.told.progress.append((done, total))

    def should_stop(self) -> bool:
        done = self.told.progress[-1][0] if self.told.progress else 0
        return self._patience is not None and done >= self._patience


def prepare(
    workspace: Workspace,
    dataset: Dataset,
    photos: Sequence[int] | np.ndarray = PHOTOS,
    policy: AugmentationPolicy = GENTLE,
    *,
    kind: str = "pooled",
    views: int = 2,
    seed: int = 0,
    stop_after: int | None = None,
    device: Device | None = None,
) -> tuple[list[np.ndarray], Told]:
    """Return the views by random weights, and what was told."""
    ear = Ear(stop_after)
    by = Preparation(
        workspace=workspace,
        device=device or find_device(),
        tell=ear.tell,
        should_stop=ear.should_stop,
    )
    weights = find_weights(workspace, "random")
    facts = {"dataset": dataset.id, "weights": "random", "weights_digest": weights.digest}
    wanted = ViewRequest(
        dataset=dataset,
        photos=np.asarray(photos),
        kind=kind,  # type: ignore[arg-type]
        weights=weights,
        recipe=Recipe(**facts, augmentation=policy, views=views, seed=seed),
        policy=policy,
    )
    return prepare_views(by, wanted), ear.told


def count_files(workspace: Workspace) -> int:
    return len(list(workspace.features.glob("[!.]*.npy")))
