"""Features from the packed photos of a dataset, beside the bare model and Keras' own predict.

And what training asks for beyond plain features: augmented views, and activations of conv4.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.config import fingerprint
from core.formats import size
from core.runs.training.views import open_draws
from core.workspace import Workspace
from data.policy import PRESETS
from models.backbone import Network, Preprocessing, open_backbone
from models.devices import find_device
from models.extraction import Photos, describe_features, extract_rows
from models.rows import ViewKind, describe_view
from models.weights import WeightsKind
from tests.bench.measuring import (
    MEGABYTE,
    Figure,
    PeakMemory,
    Report,
    call_in_child,
    say,
    time_call,
    watch_memory,
)
from tests.bench.subject import Subject, find_network, prepare_subject

_MOST_BARE_PHOTOS = 1024
_POLICY = "gentle"
_Extract = Callable[[Workspace, Path], object]


@dataclass(frozen=True)
class _Measured:
    """One extraction into a workspace that is thrown away."""

    photos_per_second: float
    memory: PeakMemory
    bytes: int
    """What it left on the disk."""


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    weights: WeightsKind = "pretrained",
    preprocessing: Preprocessing = "resnet",
    photos: int = 0,
    keras_photos: int = 128,
) -> Report:
    """Measure the photos per second and the memory of an extraction; nothing of it is kept.

    The bare model is measured before and after ours, so that a machine that slows down is seen.

    Args:
        workspace: Holds the dataset.
        dataset: Which one.
        weights: Of the backbone.
        preprocessing: Of the backbone.
        photos: The first ones of the dataset; 0: all.
        keras_photos: What plain Keras is measured on.
    """
    subject = prepare_subject(workspace, dataset, weights, preprocessing)
    n = min(photos or len(subject.dataset), len(subject.dataset))
    say("Bare OpenVINO model, synthetic photos in memory")
    bare = [_measure_bare(workspace, subject, n)]
    say(f"Our extraction of {n:,} photos")
    ours = _measure_ours(workspace, subject, n, partial(_extract, subject))
    say(f"Our extraction of a view of them, {_POLICY} augmentation, and of activations")
    view = _extract_view(subject, n, "pooled", _POLICY, subject.backbone)
    trunk = open_backbone(workspace, subject.backbone.facts.id, purpose="throughput", is_trunk=True)
    beyond = {
        f"ours, a view of each photo ({_POLICY} augmentation)": view,
        "ours, activations of conv4 (14 x 14 x 1024, float16)": _extract_view(
            subject, n, "conv4", "none", trunk
        ),
    }
    others = {
        name: _measure_ours(workspace, subject, n, extract) for name, extract in beyond.items()
    }
    say("Bare OpenVINO model again")
    bare.append(_measure_bare(workspace, subject, n))
    few = np.array(subject.dataset.photos[: min(n, keras_photos)])
    say(f"Keras predict of {len(few):,} photos")
    keras = call_in_child(
        "tests.bench.plain_keras", "measure_throughput", few, subject.weights.file
    )
    return Report(
        f"Features of {n:,} photos of {subject.dataset.name}",
        [*_list_figures(ours, bare, keras, len(few)), *_list_others(ours, others)],
        subject.circumstances,
    )


def _measure_bare(workspace: Workspace, subject: Subject, n: int) -> float:
    facts = subject.backbone.facts
    network = (find_network(workspace, facts.id), facts.precision)
    sizes = (subject.backbone.batch_size, min(n, _MOST_BARE_PHOTOS))
    speed, _ = call_in_child("tests.bench.bare_openvino", "measure_throughput", *network, *sizes)
    return float(speed)


def _measure_ours(workspace: Workspace, subject: Subject, n: int, extract: _Extract) -> _Measured:
    """Measure an extraction of the first n photos into a workspace that is thrown away."""
    dataset = subject.dataset
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch = Workspace(Path(folder))
        scratch.features.mkdir()
        file = dataset.photos_file
        if n < len(dataset):
            file = scratch.root / "photos.npy"
            np.save(file, dataset.photos[:n])
        with watch_memory() as memory:
            seconds = time_call(lambda: extract(scratch, file))
        written = sum(file.stat().st_size for file in scratch.features.glob("*.npy"))
    return _Measured(n / seconds, memory, written)


def _extract(subject: Subject, scratch: Workspace, file: Path) -> None:
    facts = subject.backbone.facts
    entry = describe_features(subject.dataset.id, facts, facts.precision)
    extract_rows(scratch, entry, Photos(file), subject.backbone)


def _extract_view(
    subject: Subject, n: int, kind: ViewKind, preset: str, network: Network
) -> _Extract:
    """Return what extracts one view of the first n photos, as training makes it."""
    facts, policy, numbers = subject.backbone.facts, PRESETS[preset], np.arange(n)
    source = {"dataset": subject.dataset.id, "view": kind, "backbone": facts.id, "seed": 0}
    source |= {"precision": facts.precision, "number": 0}
    source["policy"] = "" if policy.does_nothing else fingerprint(policy)
    draws = open_draws(subject.dataset, policy, 0)
    change = None if policy.does_nothing else partial(draws.draw, draw=0)

    def extract(scratch: Workspace, file: Path) -> None:
        photos = Photos(file, numbers, change, threads=find_device().cores)
        extract_rows(scratch, describe_view(source, numbers), photos, network)

    return extract


def _list_figures(ours: _Measured, bare: list[float], keras: float, few: int) -> list[Figure]:
    speed, mean, unit = ours.photos_per_second, sum(bare) / len(bare), "photos/s"
    around = f"before {bare[0]:.0f}, after {bare[1]:.0f}"
    memory, before = ours.memory.peak / MEGABYTE, f"{ours.memory.before / MEGABYTE:.0f} MB before"
    return [
        Figure("ours, from the packed photos to stored features", speed, unit),
        Figure("bare OpenVINO, synthetic photos in memory", mean, unit, speed / mean, around),
        Figure("Keras predict, photos in memory", keras, unit, speed / keras, f"on {few:,} photos"),
        Figure("memory at its highest", memory, "MB", note=before),
    ]


def _list_others(ours: _Measured, others: dict[str, _Measured]) -> list[Figure]:
    return [
        Figure(
            name,
            measured.photos_per_second,
            "photos/s",
            note=f"{measured.photos_per_second / ours.photos_per_second:.2f} of plain features; "
            f"{size(measured.bytes)} on disk, memory at its highest "
            f"{measured.memory.peak / MEGABYTE:.0f} MB",
        )
        for name, measured in others.items()
    ]
