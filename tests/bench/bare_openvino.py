"""The bare OpenVINO model, fed with synthetic photos in memory.

What this machine can do at the most with the network: no photo is read and no answer is kept. Same
network, precision and batch as ours.
"""

import time
from collections.abc import Callable
from pathlib import Path

# isort: off
import models  # noqa: F401 (first: it keeps OpenVINO from reporting its use)
import numpy as np
import openvino as ov

# isort: on
from core.config import PHOTO_SIZE
from tests.bench.measuring import time_calls


def measure_throughput(
    network: Path, precision: str, batch: int, photos: int
) -> tuple[float, float]:
    """Return photos per second through an asynchronous queue, and processor seconds of a photo.

    The second number changes less on a busy machine.
    """
    queue = ov.AsyncInferQueue(_compile(network, precision, "THROUGHPUT", batch))
    inputs = _draw_photos(batch)
    _push(queue, inputs, len(queue))
    rounds = max(1, photos // batch)
    start, spent = time.perf_counter(), time.process_time()
    _push(queue, inputs, rounds)
    done = rounds * batch
    return done / (time.perf_counter() - start), (time.process_time() - spent) / done


def measure_latencies(network: Path, precision: str, repeats: int) -> list[float]:
    """Return the seconds of each answer to one photo."""
    return time_calls(open_bare(network, precision), repeats)


def open_bare(network: Path, precision: str) -> Callable[[], object]:
    """Return what answers one photo in memory each time it is called."""
    request = _compile(network, precision, "LATENCY", 1).create_infer_request()
    photo = _draw_photos(1)
    return lambda: request.infer({0: photo})


def _compile(network: Path, precision: str, hint: str, batch: int) -> ov.CompiledModel:
    core = ov.Core()
    model = core.read_model(network)
    model.reshape([batch, PHOTO_SIZE, PHOTO_SIZE, 3])
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": hint}
    return core.compile_model(model, "CPU", options)


def _push(queue: ov.AsyncInferQueue, inputs: np.ndarray, rounds: int) -> None:
    for _ in range(rounds):
        queue.start_async({0: inputs}, share_inputs=True)
    queue.wait_all()


def _draw_photos(n: int) -> np.ndarray:
    shape = (n, PHOTO_SIZE, PHOTO_SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
