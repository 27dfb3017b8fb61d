"""Features from the packed photos of a dataset, beside the bare model and Keras' own predict."""

import tempfile
import time
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
from core.workspace import Workspace
from models.backbone import Preprocessing
from models.extraction import extract_features
from models.weights import WeightsKind

_MOST_BARE_PHOTOS = 1024


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
    on_step(f"Our extraction of {n:,} photos")
    seconds, memory = _measure_ours(workspace, subject, n)
    on_step("Bare OpenVINO model again")
    bare.append(_measure_bare(workspace, subject, n))
    on_step(f"Keras predict of {min(n, keras_photos):,} photos")
    few = np.array(subject.dataset.photos[: min(n, keras_photos)])
    keras = call_in_child("core.bench.plain_keras", "measure_throughput", few, subject.weights.file)
    return Report(
        title=f"Features of {n:,} photos of {subject.dataset.name}",
        figures=_figures(n / seconds, bare, keras, len(few), memory),
        circumstances={**machine, **subject.circumstances},
    )


def _measure_bare(workspace: Workspace, subject: Subject, n: int) -> float:
    facts = subject.backbone.facts
    arguments = (
        find_network(workspace, facts.id),
        facts.precision,
        subject.backbone.batch_size,
        min(n, _MOST_BARE_PHOTOS),
    )
    return float(call_in_child("core.bench.bare_openvino", "measure_throughput", *arguments))


def _measure_ours(workspace: Workspace, subject: Subject, n: int) -> tuple[float, PeakMemory]:
    """Returns the seconds and the memory; the features go to a workspace that is thrown away."""
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
            extract_features(
                scratch,
                dataset_id=dataset.id,
                photos_file=photos_file,
                backbone=subject.backbone,
            )
            seconds = time.perf_counter() - start
    return seconds, memory


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
