"""A GPU: extraction and the four strategies with each backend, beside a plain PyTorch loop.

Photos a second, busy share and memory. Where no backend can use a GPU it says so and ends.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from core.formats import size
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.strategies import STRATEGIES, StrategyName, suggest_precision
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import PRESETS
from models.devices import Device, Usage, UsageSampler, find_device
from models.extraction import extract_features
from models.weights import Weights, WeightsKind
from tests.bench.measuring import (
    BenchmarkFailed,
    Figure,
    Report,
    call_in_child,
    say,
    time_call,
)
from tests.bench.subject import open_scratch, prepare_subject
from tests.bench.train import TimedRun

BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True, kw_only=True)
class _Plain:
    """Photos a second of the plain PyTorch loop; None without PyTorch."""

    features: float | None
    training: float | None


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    weights: WeightsKind = "pretrained",
    photos: int = 3000,
    epochs: int = 3,
) -> Report:
    """Measure every backend that can use a GPU here; nothing of it is kept.

    Args:
        workspace: Holds the dataset.
        dataset: Which one.
        weights: Of the backbone.
        photos: Of the dataset, drawn by chance; all of them where it has fewer.
        epochs: Of each strategy; the fastest counts, the first one compiles.

    Raises:
        BenchmarkFailed: None can.
    """
    devices = _find_devices()
    subject = prepare_subject(workspace, dataset, weights, "resnet")
    figures: list[Figure] = []
    with open_scratch(workspace, subject, photos) as (scratch, subset):
        recipe = Recipe(
            dataset=subset.id,
            weights=weights,
            weights_digest=subject.weights.digest,
            augmentation=PRESETS["gentle"],
            epochs=epochs,
            head_epochs=1,
        )
        plain = _measure_plain(subset.photos_file, len(subset), recipe.batch_size)
        for number, (backend, device) in enumerate(devices.items()):
            with _use(backend):
                figures.append(_measure_extraction(backend, subset, subject.weights, plain))
                figures += _measure_strategies(
                    backend, scratch, replace(recipe, seed=number), device, plain
                )
        title = f"{len(subset):,} photos of {subject.dataset.name} on {device.name}"
    for name, speed in (("features", plain.features), ("all layers trained", plain.training)):
        if speed is not None:
            figures.append(Figure(f"plain PyTorch, channels-last, AMP: {name}", speed, "photos/s"))
    return Report(title, figures, {**subject.circumstances, "backends": ", ".join(devices)})


@contextmanager
def _use(backend: str) -> Iterator[None]:
    """Let processes that are started meanwhile use a backend."""
    before = os.environ["KERAS_BACKEND"]
    os.environ["KERAS_BACKEND"] = backend
    try:
        yield
    finally:
        os.environ["KERAS_BACKEND"] = before


def _find_devices() -> dict[str, Device]:
    """Return the backends that compute on a GPU here, and that GPU."""
    found = {}
    for backend in filter(find_spec, BACKENDS):
        with _use(backend):
            found[backend] = find_device()
    usable = {name: device for name, device in found.items() if device.kind == "gpu"}
    if not usable:
        why = "; ".join(f"{name}: {device.reason}" for name, device in found.items())
        raise BenchmarkFailed(
            f"No GPU can be used here ({why}). Nothing was measured.",
            "Run this on a machine with one: docs/training.md says what to install.",
        )
    return usable


def _measure_plain(photos_file: Path, photos: int, batch_size: int) -> _Plain:
    if find_spec("torch") is None:
        return _Plain(features=None, training=None)
    say("Plain PyTorch, channels-last, automatic mixed precision")
    features, training = (
        float(
            call_in_child(
                "tests.bench.plain_torch", "measure", photos_file, photos, batch, train=train
            )
        )
        for batch, train in ((64, False), (batch_size, True))
    )
    return _Plain(features=features, training=training)


def _measure_extraction(backend: str, subset: Dataset, weights: Weights, plain: _Plain) -> Figure:
    say(f"{backend}: features")
    speed, usage = call_in_child(__name__, "extract", subset, weights)
    compared = None if plain.features is None else speed / plain.features
    return Figure(f"{backend}: features", speed, "photos/s", compared, _describe(usage))


def extract(dataset: Dataset, weights: Weights) -> tuple[float, Usage]:
    """Return photos a second and what was in use; called in a process with the backend."""
    from models.keras_backbone import draw_probe_photos, open_keras_backbone

    backbone = open_keras_backbone(weights, "resnet")
    list(backbone.stream([draw_probe_photos()]))  # compiles
    with tempfile.TemporaryDirectory() as folder, UsageSampler() as sampler:
        scratch = Workspace(Path(folder))
        scratch.features.mkdir()

        def act() -> None:
            extract_features(
                scratch, dataset_id=dataset.id, photos_file=dataset.photos_file, backbone=backbone
            )

        seconds = time_call(act)
        return len(dataset) / seconds, sampler.read()


def _measure_strategies(
    backend: str, scratch: Workspace, recipe: Recipe, device: Device, plain: _Plain
) -> list[Figure]:
    figures = []
    for name in get_args(StrategyName):
        settings: dict[str, Any] = {
            "strategy": name,
            "precision": suggest_precision(name, device.kind, device.half),
        }
        for computing in ("exact", "fast") if STRATEGIES[name].stages != 0 else ("exact",):
            say(f"{backend}: {name}, {computing}")
            chosen = replace(recipe, computing=computing, **settings)
            (run,), _ = call_in_child(
                "tests.bench.train", "train_runs", scratch, [chosen], warm=False, anew=False
            )
            figures.append(_list_run(f"{backend}: {name}, {computing}", run, plain, name))
    return figures


def _list_run(title: str, run: TimedRun, plain: _Plain, strategy: str) -> Figure:
    best = max(run.history, key=lambda epoch: float(epoch["photos_per_second"]))
    speed = run.photos_per_second
    compared = speed / plain.training if strategy == "full" and plain.training else None
    used = _describe(Usage(**{name: best[name] for name in Usage.__dataclass_fields__}))
    return Figure(title, speed, "photos/s", compared, f"{used}; {run.seconds:.0f} s in all")


def _describe(usage: Usage) -> str:
    busy = "unknown" if usage.gpu_share is None else f"{100 * usage.gpu_share:.0f} %"
    return f"GPU busy: {busy}, its memory: {size(usage.gpu_memory_bytes or 0)}"
