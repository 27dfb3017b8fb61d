"""A GPU: extraction and the four strategies with each backend, beside a plain PyTorch loop.

Photos a second. Where no backend can use a GPU it says so and ends; where
PETALSCOPE_DEVICE is cpu it is rehearsed there: `PETALSCOPE_DEVICE=cpu python -m tests.bench gpu
--weights random --photos 20 --epochs 2`. What fails is a line of the report and ends nothing else.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pynvml

from core.config import read_settings
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.strategies import STRATEGIES, StrategyName, suggest_precision
from core.workspace import Workspace
from data.dataset import Dataset
from data.policy import PRESETS
from models.devices import Device, find_device, open_gpus
from models.extraction import Photos, describe_features, extract_rows
from models.weights import Weights, WeightsKind
from tests.bench.measuring import (
    BenchmarkFailed,
    Figure,
    Report,
    attempt,
    call_in_child,
    time_call,
)
from tests.bench.subject import open_scratch, prepare_subject

BACKENDS = ("tensorflow", "jax", "torch")
_BATCH = 64


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    weights: WeightsKind = "pretrained",
    photos: int = 3000,
    epochs: int = 3,
    backend: Literal["all", "tensorflow", "jax", "torch"] = "all",
    minutes: float = 25,
) -> Report:
    """Measure every backend that can use a GPU here; nothing of it is kept.

    Args:
        workspace: Holds the dataset.
        dataset: Which one.
        weights: Of the backbone.
        photos: Of the dataset, drawn by chance; all of them where it has fewer.
        epochs: Of each strategy, at least 2; the fastest counts, the first one compiles.
        backend: Which of those that are installed.
        minutes: After them nothing new is begun; what was measured has been printed already.

    Raises:
        BenchmarkFailed: None can.
    """
    end = time.monotonic() + 60 * minutes
    devices = _find_devices(BACKENDS if backend == "all" else (backend,))
    subject = prepare_subject(workspace, dataset, weights, "resnet")
    figures: list[Figure] = []
    with open_scratch(workspace, subject, photos) as (scratch, subset):
        recipe = Recipe(
            dataset=subset.id,
            weights=weights,
            weights_digest=subject.weights.digest,
            augmentation=PRESETS["gentle"],
            epochs=epochs,
        )
        plain = _measure_plain(subset, recipe.batch_size)
        trial = _Trial(scratch, subset, subject.weights, recipe, plain)
        for part in trial.list_parts():
            for name, device in devices.items():
                title = f"{name}: {part.name}"
                if time.monotonic() > end:
                    figures.append(Figure(title, 0.0, "", note="not begun: the time was over"))
                    continue
                with _use(name):
                    figures += attempt(title, partial(part.measure, name, device))
        title = f"{len(subset):,} photos of {subject.dataset.name} on {device.name}"
    circumstances = {**subject.circumstances, "backends": ", ".join(devices)}
    return Report(title, figures + plain, circumstances)


@dataclass(frozen=True)
class _Part:
    """What is measured with each backend; `measure` is given its name and the device."""

    name: str
    measure: Callable[[str, Device], list[Figure]]


@dataclass(frozen=True)
class _Trial:
    """What is measured on."""

    scratch: Workspace
    subset: Dataset
    weights: Weights
    recipe: Recipe
    plain: list[Figure]
    """The plain PyTorch loop: features, then all layers trained; empty without PyTorch."""

    def list_parts(self) -> Iterator[_Part]:
        """Yield the parts, the one that others build on first."""
        yield _Part("features", self._extract)
        for name in get_args(StrategyName):
            strategy = STRATEGIES.get(name)
            if strategy is None or not strategy.has_epochs:
                continue  # solved on the CPU
            for computing in ("exact", "fast") if strategy.stages != 0 else ("exact",):
                yield _Part(f"{name}, {computing}", partial(self._train, name, computing))

    def _extract(self, backend: str, _: Device) -> list[Figure]:
        speed = call_in_child(__name__, "extract", self.subset, self.weights)
        return [Figure(f"{backend}: features", speed, "photos/s", self._compare(speed, 0))]

    def _train(
        self,
        strategy: StrategyName,
        computing: Literal["exact", "fast"],
        backend: str,
        device: Device,
    ) -> list[Figure]:
        recipe = replace(
            self.recipe,
            seed=BACKENDS.index(backend),  # else it is another backend's run
            strategy=strategy,
            head_epochs=1,  # a recipe that is not of two phases forgets it
            precision=suggest_precision(strategy, device.kind, device.half),
            computing=computing,
        )
        with _watch_gpu() as seen:
            (run,), _ = call_in_child(
                "tests.bench.train", "train_runs", self.scratch, [recipe], warm=False, anew=False
            )
        speed = run.photos_per_second
        compared = self._compare(speed, 1) if strategy == "full" else None
        note = f"{run.seconds:.0f} s in all, test accuracy {100 * run.test_accuracy:.1f} %"
        if seen:
            busy, memory = np.max(seen, axis=0)
            note += f"; GPU busy at most {busy:.0f} %, {memory / 1e9:.1f} GB of it in use"
        return [Figure(f"{backend}: {strategy}, {computing}", speed, "photos/s", compared, note)]

    def _compare(self, speed: float, place: int) -> float | None:
        """Return how many times as fast it is as a plain loop, if that was measured."""
        return speed / self.plain[place].value if self.plain and self.plain[place].value else None


@contextmanager
def _use(backend: str) -> Iterator[None]:
    """Let processes that are started meanwhile use a backend."""
    before = os.environ["KERAS_BACKEND"]
    os.environ["KERAS_BACKEND"] = backend
    try:
        yield
    finally:
        os.environ["KERAS_BACKEND"] = before


def _find_devices(backends: Sequence[str]) -> dict[str, Device]:
    """Return the backends that compute on a GPU here, and that GPU; all of them in a rehearsal."""
    found = {}
    for backend in filter(find_spec, backends):
        with _use(backend):
            found[backend] = find_device()
    if read_settings().device == "cpu":
        return found
    usable = {name: device for name, device in found.items() if device.kind == "gpu"}
    if not usable:
        why = "; ".join(f"{name}: {device.reason}" for name, device in found.items())
        raise BenchmarkFailed(
            f"No GPU can be used here ({why}). Nothing was measured.",
            "Run this on a machine with one: docs/training.md says what to install.",
        )
    return usable


def _measure_plain(subset: Dataset, batch_size: int) -> list[Figure]:
    """Return the speeds of the plain PyTorch loop: features, then all layers trained."""
    if find_spec("torch") is None:
        return []
    figures = []
    for name, batch in (("features", _BATCH), ("all layers trained", batch_size)):
        title = f"plain PyTorch, channels-last, AMP: {name}"
        figures += attempt(title, partial(_measure_loop, title, subset, batch, name != "features"))
    return figures


def _measure_loop(title: str, subset: Dataset, batch: int, train: bool) -> list[Figure]:
    given = subset.photos_file, len(subset), batch
    speed = call_in_child("tests.bench.plain_torch", "measure", *given, train=train)
    return [Figure(title, float(speed), "photos/s")]


def extract(dataset: Dataset, weights: Weights) -> float:
    """Return photos a second; called in a process with the backend."""
    from models.keras_backbone import open_keras_backbone
    from models.making import draw_probe_photos

    backbone = open_keras_backbone(weights, "resnet")
    list(backbone.stream([draw_probe_photos()]))  # compiles
    with tempfile.TemporaryDirectory() as folder:
        scratch = Workspace(Path(folder))
        scratch.features.mkdir()

        entry = describe_features(dataset.id, backbone.facts, backbone.facts.precision)
        photos = Photos(dataset.photos_file)
        seconds = time_call(lambda: extract_rows(scratch, entry, photos, backbone))
        return len(dataset) / seconds


@contextmanager
def _watch_gpu() -> Iterator[list[tuple[float, float]]]:
    """Yield a list that fills with how busy the GPU is (%) and its used memory (bytes)."""
    seen: list[tuple[float, float]] = []
    ended = threading.Event()

    def watch() -> None:
        with suppress(pynvml.NVMLError), open_gpus() as gpus:
            while not ended.wait(0.1):
                busy = pynvml.nvmlDeviceGetUtilizationRates(gpus[0]).gpu
                seen.append((busy, pynvml.nvmlDeviceGetMemoryInfo(gpus[0]).used))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
