"""Grad-CAM of photos of a run's dataset: never looked at before, and again; what is like them."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.bench.measuring import Figure, percentile_ms
from core.errors import DatasetMissing
from core.prediction.explaining import Explainer, open_explainer
from core.prediction.gradcam import draw_overlay
from core.prediction.maps import MapReader
from core.prediction.nearest import find_nearest_training
from core.runs.result import RunResult
from core.workspace import Workspace

_CLASSES = (0, 1)


def measure_explanations(workspace: Workspace, run_id: str, *, repeats: int) -> list[Figure]:
    """Returns milliseconds a photo, with two overlays drawn; nothing when the dataset is gone.

    Maps are kept in a folder that is thrown away: each photo is new at first.
    """
    try:
        explainer = open_explainer(workspace, run_id)
    except DatasetMissing:
        return []
    total = len(explainer.dataset)
    photos = np.random.default_rng(0).choice(total, min(total, repeats + 1), replace=False)
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch = MapReader(Workspace(Path(folder)), explainer.maps.backbone)
        apart = replace(explainer, maps=scratch)
        steps: dict[str, Callable[[int], object]] = {
            "Grad-CAM of 2 classes, photo not looked at before": lambda n: _draw(apart, n),
            "Grad-CAM of 2 classes, photo looked at before": lambda n: _draw(apart, n),
            "nearest training photos of 2 classes": lambda n: _find(workspace, apart.result, n),
        }
        note = f"of {total:,} photos, {len(explainer.dataset.classes):,} classes"
        return [
            figure
            for name, step in steps.items()
            for figure in _measure(name, step, photos.tolist(), note)
        ]


def _measure(
    name: str, step: Callable[[int], object], photos: list[int], note: str
) -> list[Figure]:
    """Returns the median and the 95th percentile; the first photo warms up."""
    seconds = []
    for photo in photos:
        start = time.perf_counter()
        step(photo)
        seconds.append(time.perf_counter() - start)
    return [
        Figure(
            name=f"{name}, p{percent}",
            value=percentile_ms(seconds[1:] or seconds, percent),
            unit="ms",
            note=note,
        )
        for percent in (50, 95)
    ]


def _draw(explainer: Explainer, photo: int) -> None:
    activations = explainer.explain(photo, _CLASSES)
    packed = np.asarray(explainer.dataset.photos[photo])
    for activation in activations:
        draw_overlay(packed, activation)


def _find(workspace: Workspace, result: RunResult, photo: int) -> None:
    find_nearest_training(workspace, result, photo, _CLASSES)
