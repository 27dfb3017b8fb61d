"""From the bytes of one photo to the answer, beside the bare model and Keras' own predict.

And Grad-CAM of photos of the run's dataset: never looked at before, and again; what is like them.
"""

import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import DatasetMissing
from core.prediction.explaining import Explainer, MapReader, open_explainer
from core.prediction.gradcam import draw_overlay
from core.prediction.nearest import find_nearest_training
from core.prediction.predictor import Predictor, open_predictor
from core.runs.choosing import choose_run
from core.workspace import Workspace
from data.images import read_packed_photo
from models.weights import find_weights
from tests.bench.bare_openvino import open_bare
from tests.bench.measuring import (
    WARM_UPS,
    Figure,
    Report,
    call_in_child,
    list_percentiles,
    say,
    time_call,
    time_calls,
)
from tests.bench.subject import describe_backbone, find_network

_PHOTOS = {"small photo (500 × 375)": (500, 375), "phone photo (4032 × 3024)": (4032, 3024)}
_CLASSES = (0, 1)


def measure(workspace: Workspace, run: str = "latest", *, repeats: int = 20) -> Report:
    """Measure the milliseconds from the bytes of a photo to the answer of the run."""
    record = choose_run(workspace, run)
    start = time.perf_counter()
    predictor = open_predictor(workspace, record.id)
    opening = time.perf_counter() - start
    facts = predictor.backbone_facts
    network = (find_network(workspace, facts.id), facts.precision)
    figures: list[Figure] = []
    ours: list[float] = []
    for name, size in _PHOTOS.items():
        say(f"Answering, {name}")
        content = draw_jpeg(size)
        seconds = time_calls(partial(predictor.predict, content), repeats)
        ours = ours or seconds
        note = f"JPEG of {len(content) / 1e6:.1f} MB"
        figures += list_percentiles(f"ours, {name},", seconds, note=note)
        figures.append(_measure_in_turn(name, predictor, network, content, repeats))
    say("Grad-CAM and nearest photos")
    explained = _measure_explanations(workspace, record.id, repeats)
    say("Bare OpenVINO model, one photo in memory")
    bare = call_in_child("tests.bench.bare_openvino", "measure_latencies", *network, repeats)
    say("Keras predict, one photo in memory")
    weights = find_weights(workspace, record.recipe.weights).file
    plain = call_in_child("tests.bench.plain_keras", "measure_latencies", weights, repeats)
    return Report(
        f"One answer of {record.name}, from bytes to scores",
        [
            *figures,
            *list_percentiles("bare OpenVINO, no decoding,", bare, ours),
            *list_percentiles("Keras predict, no decoding,", plain, ours),
            Figure("opening the run, once", opening * 1000, "ms"),
            *explained,
        ],
        {**describe_backbone(facts), "run": record.id, "repeats": repeats},
    )


def _measure_in_turn(
    name: str, predictor: Predictor, network: tuple[Path, str], content: bytes, repeats: int
) -> Figure:
    """Measure an answer beside the bare model and decoding, in turn: of processor time.

    On a busy machine it changes less than the time that passes.
    """
    steps: dict[str, Callable[[], object]] = {
        "bare": open_bare(*network),
        "decoding": partial(read_packed_photo, content, predictor.backbone_facts.framing),
        "ours": partial(predictor.predict, content),
    }
    spent: dict[str, list[float]] = {step: [] for step in steps}
    for _ in range(WARM_UPS + repeats):
        for step, act in steps.items():
            start = time.process_time()
            act()
            spent[step].append(time.process_time() - start)
    bare, decoding, ours = (1000 * float(np.median(spent[step][WARM_UPS:])) for step in steps)
    note = f"processor time in turn: {ours:.1f} ms beside {bare:.1f} and {decoding:.1f} ms"
    value = ours / max(bare + decoding, 1e-3)
    return Figure(f"ours, {name}, of bare OpenVINO and decoding", value, "times", note=note)


def draw_jpeg(size: tuple[int, int]) -> bytes:
    """Draw a JPEG as full of detail as a photo: soft colours with grain; size is (w, h)."""
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    photo = np.asarray(colours.resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    grain = rng.integers(-12, 13, photo.shape[:2], dtype=np.int16)
    stream = io.BytesIO()
    grainy = (photo + grain[..., None]).clip(0, 255).astype(np.uint8)
    Image.fromarray(grainy).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _measure_explanations(workspace: Workspace, run_id: str, repeats: int) -> list[Figure]:
    """Measure a photo with two overlays drawn; nothing when the dataset is gone.

    Maps are kept in a folder that is thrown away: each photo is new at first. The first warms up.
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
            "Grad-CAM of 2 classes, photo not looked at before": partial(_draw, apart),
            "Grad-CAM of 2 classes, photo looked at before": partial(_draw, apart),
            "nearest training photos of 2 classes": lambda n: find_nearest_training(
                workspace, apart.result, n, _CLASSES
            ),
        }
        note = f"of {total:,} photos, {len(explainer.dataset.classes):,} classes"
        figures = []
        for name, step in steps.items():
            seconds = [time_call(partial(step, photo)) for photo in photos.tolist()]
            figures += list_percentiles(f"{name},", seconds[1:] or seconds, note=note)
        return figures


def _draw(explainer: Explainer, photo: int) -> None:
    activations = explainer.explain(photo, _CLASSES)
    packed = np.asarray(explainer.dataset.photos[photo])
    for activation in activations:
        draw_overlay(packed, activation)
