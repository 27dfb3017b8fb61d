"""Features from the packed photos of a dataset, beside the bare model and Keras' own predict.

And what training asks for beyond plain features: augmented views, and activations of conv4.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.bench.measuring import (
    MEGABYTE,
    Figure,
    OnStep,
    PeakMemory,
    Report,
    call_in_child,
    describe_machine,
    watch_memory,
)
from core.bench.preparing import Subject, find_network, prepare_subject
from core.bench.views import extract_view
from core.formats import size
from core.workspace import Workspace
from data.policy import PRESETS
from models.backbone import Preprocessing
from models.extraction import extract_features
from models.trunk import open_trunk
from models.weights import WeightsKind

_MOST_BARE_PHOTOS = 1024
_POLICY = "gentle"


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """One extraction into a workspace that is thrown away."""

    photos_per_second: float
    memory: PeakMemory
    bytes: int
    """What it left on the disk."""


def measure_extraction(
    workspace: Workspace,
    dataset_id: str,
    *,
    weights_kind: WeightsKind,
    preprocessing: Preprocessing,
    photos: int | None,
    keras_photos: int,
    on_step: OnStep,
) -> Report:
    """Returns the photos per second and the memory of an extraction; nothing of it is kept.

    The bare model is measured before and after ours, so that a machine that slows down is seen.
    """
    machine = describe_machine()
    subject = prepare_subject(workspace, dataset_id, weights_kind, preprocessing, on_step)
    n = min(photos or len(subject.dataset), len(subject.dataset))
    on_step("Bare OpenVINO model, synthetic photos in memory")
    bare = [_measure_bare(workspace, subject, n)]
    ours, view, activations = _measure_all_of_ours(workspace, subject, n, on_step)
    on_step("Bare OpenVINO model again")
    bare.append(_measure_bare(workspace, subject, n))
    on_step(f"Keras predict of {min(n, keras_photos):,} photos")
    few = np.array(subject.dataset.photos[: min(n, keras_photos)])
    keras = call_in_child("core.bench.plain_keras", "measure_throughput", few, subject.weights.file)
    return Report(
        title=f"Features of {n:,} photos of {subject.dataset.name}",
        figures=[
            *_figures(ours.photos_per_second, bare, keras, len(few), ours.memory),
            *_view_figures(ours, view, activations),
        ],
        circumstances={**machine, **subject.circumstances},
    )


def _measure_all_of_ours(
    workspace: Workspace, subject: Subject, n: int, on_step: OnStep
) -> tuple[_Measured, _Measured, _Measured]:
    """Returns the speeds of plain features, of an augmented view and of activations."""

    def extract_plainly(scratch: Workspace, photos_file: Path) -> None:
        extract_features(
            scratch,
            dataset_id=subject.dataset.id,
            photos_file=photos_file,
            backbone=subject.backbone,
        )

    trunk = open_trunk(workspace, subject.backbone.facts.id)

    def extract_augmented(scratch: Workspace, file: Path) -> None:
        policy, backbone = PRESETS[_POLICY], subject.backbone
        extract_view(scratch, subject, file, n, kind="pooled", policy=policy, network=backbone)

    def extract_activations(scratch: Workspace, file: Path) -> None:
        policy = PRESETS["none"]
        extract_view(scratch, subject, file, n, kind="conv4", policy=policy, network=trunk)

    on_step(f"Our extraction of {n:,} photos")
    plain = _measure_ours(workspace, subject, n, extract_plainly)
    on_step(f"Our extraction of a view of them, {_POLICY} augmentation")
    view = _measure_ours(workspace, subject, n, extract_augmented)
    on_step("Our extraction of activations")
    activations = _measure_ours(workspace, subject, n, extract_activations)
    return plain, view, activations


def _measure_bare(workspace: Workspace, subject: Subject, n: int) -> float:
    facts = subject.backbone.facts
    arguments = (
        find_network(workspace, facts.id),
        facts.precision,
        subject.backbone.batch_size,
        min(n, _MOST_BARE_PHOTOS),
    )
    return float(call_in_child("core.bench.bare_openvino", "measure_throughput", *arguments))


def _measure_ours(
    workspace: Workspace,
    subject: Subject,
    n: int,
    extract: Callable[[Workspace, Path], object],
) -> _Measured:
    """Returns the speed of an extraction; its rows go to a workspace that is thrown away."""
    dataset = subject.dataset
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch = Workspace(Path(folder))
        scratch.features.mkdir()
        photos_file = dataset.photos_file
        if n < len(dataset):
            photos_file = scratch.root / "photos.npy"
            np.save(photos_file, dataset.photos[:n])
        with watch_memory() as memory:
            start = time.perf_counter()
            extract(scratch, photos_file)
            seconds = time.perf_counter() - start
        written = sum(file.stat().st_size for file in scratch.features.glob("*.npy"))
    return _Measured(photos_per_second=n / seconds, memory=memory, bytes=written)


def _view_figures(ours: _Measured, view: _Measured, activations: _Measured) -> list[Figure]:
    return [
        Figure(
            name=name,
            value=measured.photos_per_second,
            unit="photos/s",
            note=f"{measured.photos_per_second / ours.photos_per_second:.2f} of plain features; "
            f"{size(measured.bytes)} on disk, memory at its highest "
            f"{measured.memory.peak / MEGABYTE:.0f} MB",
        )
        for name, measured in (
            (f"ours, a view of each photo ({_POLICY} augmentation)", view),
            ("ours, activations of conv4 (14 x 14 x 1024, float16)", activations),
        )
    ]


def _figures(
    ours: float, bare: list[float], keras: float, keras_photos: int, memory: PeakMemory
) -> list[Figure]:
    mean = sum(bare) / len(bare)
    unit = "photos/s"
    return [
        Figure(name="ours, from the packed photos to stored features", value=ours, unit=unit),
        Figure(
            name="bare OpenVINO, synthetic photos in memory",
            value=mean,
            unit=unit,
            our_speed=ours / mean,
            note=f"before {bare[0]:.0f}, after {bare[1]:.0f}",
        ),
        Figure(
            name="Keras predict, photos in memory",
            value=keras,
            unit=unit,
            our_speed=ours / keras,
            note=f"on {keras_photos:,} photos",
        ),
        Figure(
            name="memory at its highest",
            value=memory.peak / MEGABYTE,
            unit="MB",
            note=f"{memory.before / MEGABYTE:.0f} MB before",
        ),
    ]
