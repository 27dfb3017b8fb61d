"""From the bytes of one photo to the answer, beside the bare model and Keras' own predict."""

import io
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from core.bench.explain import measure_explanations
from core.bench.measuring import (
    Figure,
    OnStep,
    Report,
    call_in_child,
    describe_machine,
    percentile_ms,
)
from core.bench.preparing import describe_backbone, find_network
from core.prediction.predictor import Predictor, open_predictor
from core.runs.store import RunRecord
from core.workspace import Workspace
from models.weights import find_weights

_PHOTOS = {"small photo (500 × 375)": (500, 375), "phone photo (4032 × 3024)": (4032, 3024)}
_WARM_UPS = 3


def measure_prediction(
    workspace: Workspace, record: RunRecord, *, repeats: int, on_step: OnStep
) -> Report:
    """Returns the milliseconds from the bytes of a photo to the answer of the run."""
    machine = describe_machine()
    start = time.perf_counter()
    predictor = open_predictor(workspace, record.id)
    opening = time.perf_counter() - start
    facts = predictor.backbone_facts
    figures: list[Figure] = []
    ours: list[float] = []
    for name, size in _PHOTOS.items():
        on_step(f"Answering, {name}")
        content = draw_jpeg(size)
        seconds = _time_answers(predictor, content, repeats)
        ours = ours or seconds
        figures += _figures(f"ours, {name}", seconds, note=f"JPEG of {len(content) / 1e6:.1f} MB")
    on_step("Grad-CAM and nearest photos")
    explained = measure_explanations(workspace, record.id, repeats=repeats)
    on_step("Bare OpenVINO model, one photo in memory")
    network = (find_network(workspace, facts.id), facts.precision)
    bare = call_in_child("core.bench.bare_openvino", "measure_latencies", *network, repeats)
    on_step("Keras predict, one photo in memory")
    weights = find_weights(workspace, record.recipe.weights)
    plain = call_in_child("core.bench.plain_keras", "measure_latencies", weights.file, repeats)
    return Report(
        title=f"One answer of {record.name}, from bytes to scores",
        figures=[
            *figures,
            *_figures("bare OpenVINO, no decoding", bare, ours),
            *_figures("Keras predict, no decoding", plain, ours),
            Figure(name="opening the run, once", value=opening * 1000, unit="ms"),
            *explained,
        ],
        circumstances={
            **machine,
            **describe_backbone(facts),
            "run": record.id,
            "repeats": repeats,
        },
    )


def draw_jpeg(size: tuple[int, int]) -> bytes:
    """Returns a JPEG as full of detail as a photo: soft colours with grain; size is (w, h)."""
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    photo = np.asarray(colours.resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    grain = rng.integers(-12, 13, photo.shape[:2], dtype=np.int16)
    stream = io.BytesIO()
    grainy = (photo + grain[..., None]).clip(0, 255).astype(np.uint8)
    Image.fromarray(grainy).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _time_answers(predictor: Predictor, content: bytes, repeats: int) -> list[float]:
    seconds = []
    for _ in range(_WARM_UPS + repeats):
        start = time.perf_counter()
        predictor.predict(content)
        seconds.append(time.perf_counter() - start)
    return seconds[_WARM_UPS:]


def _figures(
    name: str, seconds: Sequence[float], ours: Sequence[float] | None = None, note: str = ""
) -> list[Figure]:
    """Returns the median and the 95th percentile; with `ours`, how many times as fast ours is."""
    figures = []
    for percent in (50, 95):
        value = percentile_ms(seconds, percent)
        speed = None if ours is None else value / percentile_ms(ours, percent)
        label = f"{name}, p{percent}"
        figures.append(Figure(name=label, value=value, unit="ms", our_speed=speed, note=note))
    return figures
