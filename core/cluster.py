"""Work on a Ray cluster (PETALSCOPE_RAY_ADDRESS): blocks of photos, runs, folders in storage.

Ray places the work, repeats the tasks of a lost node and spills to disk. The calling process writes
the results into the same files as without a cluster, so that curves and bits are the same. Nodes
have this program at the same path. Ray is imported only when it is used.
"""

import copyreg
import logging
import os
import queue
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.config import read_settings
from core.errors import ClusterFailed
from core.workspace import PROJECT_ROOT, Workspace, write_atomically
from models.backbone import BackboneFacts
from models.devices import find_device
from models.extraction import PackedNetwork, pack_network
from models.plan import EpochResult, FitWatch
from models.weights import Weights

BLOCK = 512
"""Photos in a task: eight seconds on two cores, the cost of a lost node."""
CHECKPOINT, WEIGHTS = "checkpoint.npz", "weights.h5"
"""The checkpoint that models/fit_state.py writes; the name of weights on a node."""
_KNOCK_S, _LOOK_S, _STEP_S, _END_S = 5.0, 0.5, 0.25, 10.0
_MOST_LOST = 3
"""Restarts of a fit without a new epoch."""
_PASSED_ON = ("KERAS_BACKEND", "PETALSCOPE_PHOTO_LIMIT_MB", "PETALSCOPE_PHOTO_LIMIT_MEGAPIXELS")
"""Variables passed to tasks. Ray displays them, so there is no secret among them."""

_log = logging.getLogger("run")


def connect() -> Any:
    """Return Ray, connected to the cluster of the settings, else to a local one.

    Raises:
        ClusterFailed: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise ClusterFailed("Ray is not installed.", "pip install “petalscope[ray]”") from error
    if ray.is_initialized():
        return ray
    address = read_settings().ray_address or "local"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        if parts := re.fullmatch(r"ray://(.+):(\d+)", address):  # Ray itself asks for minutes
            socket.create_connection((parts[1], int(parts[2])), _KNOCK_S).close()
        ray.init(address, runtime_env=_pass_on(*_PASSED_ON), log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterFailed(
            f"No Ray cluster answers at “{address}” ({' '.join(str(error).split())[:200]}).",
            "Start one (docs/scaling.md), or unset PETALSCOPE_RAY_ADDRESS.",
        ) from error
    copyreg.pickle(np.memmap, lambda rows: (np.asarray, (np.asarray(rows),)))  # type: ignore[arg-type, return-value]
    return ray


def _pass_on(*names: str) -> dict[str, Any]:
    """Return Ray's runtime environment with these variables and the path of our modules."""
    ours = {name: os.environ[name] for name in names if name in os.environ}
    return {"env_vars": {**ours, "PYTHONPATH": str(PROJECT_ROOT)}}


def find_places(nodes: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], int]:
    """Return Ray's options for a task, and the number of tasks that run at once.

    A task gets a GPU if there are any, else the cores of the smallest node.

    Args:
        nodes: The result of ray.nodes().

    Raises:
        ClusterFailed: No node has a core.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if with_gpus := [node for node in alive if node.get("GPU")]:
        cores = min(node.get("CPU", 0.0) // node["GPU"] for node in with_gpus)
        return {"num_cpus": cores, "num_gpus": 1}, sum(int(node["GPU"]) for node in with_gpus)
    if not (with_cores := [node["CPU"] for node in alive if node.get("CPU")]):
        raise ClusterFailed("No node of the Ray cluster has a core.", "Add a node to it.")
    cores = min(with_cores)
    return {"num_cpus": cores}, sum(int(one // cores) for one in with_cores)


@contextmanager
def raise_faults(ray: Any) -> Iterator[None]:
    """Raise our own errors from a task unchanged, and Ray's errors as ClusterFailed."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause = _find_cause(ray, error)
        if not isinstance(cause, ray.exceptions.RayError):
            raise cause from error
        raise ClusterFailed(
            f"The work failed on the Ray cluster ({' '.join(str(cause).split())[-300:]}).",
            "Try again: finished work is cached.",
        ) from error


def _find_cause(ray: Any, error: BaseException) -> BaseException:
    """Return the cause of a failed task or of a task that it waited for."""
    while isinstance(error, ray.exceptions.RayTaskError) and error.cause is not None:
        error = error.cause
    return error


# Features, views and activations: blocks of photos


def _describe(packed: PackedNetwork) -> BackboneFacts:
    return packed.open().facts


def _see(packed: PackedNetwork, precision: str, photos: np.ndarray) -> np.ndarray:
    """Return the feature rows of a block of photos (b, side, side, 3) uint8."""
    network = packed.open()
    if network.facts.precision != precision:
        raise ClusterFailed(
            f"Nodes compute in different precisions: {precision} and {network.facts.precision}.",
            "Use nodes of one kind, so that features have the same bits.",
        )
    size = network.batch_size
    parts = (photos[start : start + size] for start in range(0, len(photos), size))
    return np.concatenate(list(network.stream(parts)))


class ClusterNetwork:
    """A trunk or backbone that computes on the nodes (`Trunk` of models/backbone.py).

    It uses tasks, not actors: Ray gives the block of a lost node to any other node, while an actor
    would wait for its own cores. Ray's worker processes hold the network.
    """

    batch_size = BLOCK

    def __init__(
        self, workspace: Workspace, facts: BackboneFacts, weights: Weights, *, is_trunk: bool
    ) -> None:
        self._ray = connect()
        options, at_once = find_places(self._ray.nodes())
        packed = pack_network(workspace, facts, is_trunk=is_trunk)
        if "num_gpus" in options:
            files = {} if weights.file is None else {WEIGHTS: np.fromfile(weights.file, np.uint8)}
            packed = replace(packed, files=files, weights=weights)
        self._packed = self._ray.put(packed)
        self._waiting = 2 * at_once
        remote = self._ray.remote(max_retries=-1, max_calls=0, **options)
        self._see = remote(_see)
        self.facts: BackboneFacts = self._fetch(remote(_describe).remote(self._packed))

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the feature rows of each block of photos, in order."""
        waiting: deque[Any] = deque()
        try:
            for photos in batches:
                waiting.append(self._see.remote(self._packed, self.facts.precision, photos))
                if len(waiting) > self._waiting:
                    yield self._fetch(waiting.popleft())
            while waiting:
                yield self._fetch(waiting.popleft())
        finally:
            for one in waiting:
                self._ray.cancel(one)

    def _fetch(self, made: Any) -> Any:
        with raise_faults(self._ray):
            return self._ray.get(made)


# Runs: a fit that returns its epochs and checkpoints

Fit = Callable[[Path, FitWatch, Weights], object]
"""Resumes from the checkpoint in a folder; the file of the weights is on this node."""


def train(
    fit: Fit, weights: Weights, folder: Path, watch: FitWatch, begun: Callable[[str], None]
) -> None:
    """Run a fit on the cluster until it ends or should end.

    Its checkpoint is then in the folder, and the caller resumes from it. A lost node costs the
    current epoch.

    Args:
        begun: Called with the name of the node's device.

    Raises:
        ClusterFailed: No cluster answers, or every task is lost.
    """
    ray, lost = connect(), 0
    options = {**find_places(ray.nodes())[0], "runtime_env": _pass_on("TF_ENABLE_ONEDNN_OPTS")}
    content = None if weights.file is None else np.fromfile(weights.file, np.uint8)
    work, file = ray.put((fit, weights, content)), folder / CHECKPOINT
    while lost < _MOST_LOST:
        kept = ray.put(np.fromfile(file, np.uint8) if file.exists() else None)
        courier = ray.remote(num_cpus=0, max_concurrency=2)(_Courier).remote(options, [work, kept])
        try:
            for said in _follow(ray, courier, watch.should_stop):
                if isinstance(said, str):
                    begun(said)
                elif len(said) == 2:
                    if watch.on_step is not None:
                        watch.on_step(*said)
                else:
                    lost = 0
                    with write_atomically(file) as temporary:
                        said[2].tofile(temporary)
                    watch.on_epoch(*said[:2])
                    if watch.should_end():
                        return
            return
        except ray.exceptions.RayError as error:
            cause = _find_cause(ray, error)
            if not isinstance(cause, ray.exceptions.RayError):
                raise cause from error
            _log.warning("the node that trained is lost: %s", cause)
            lost += 1
        finally:
            ray.wait([courier.end.remote()], timeout=_END_S)
            ray.kill(courier)
    raise ClusterFailed(
        f"The cluster lost the training {_MOST_LOST} times in one epoch.",
        "Check the memory of its nodes. Start the run again: it resumes from its last epoch.",
    )


def _follow(ray: Any, courier: Any, should_stop: Callable[[], bool]) -> Iterator[Any]:
    """Yield the messages of a task until it ends or should stop."""
    while not should_stop():
        asked = courier.bring.remote()
        while not ray.wait([asked], timeout=_LOOK_S)[0]:
            if should_stop():
                return
        if (said := ray.get(asked)) is None:
            return
        yield said


class _Courier:
    """Forwards the messages of a streaming task, which a Ray client cannot read itself."""

    def __init__(self, options: dict[str, Any], given: list[Any]) -> None:
        import ray

        self._ray = ray
        # A lost task is restarted by the caller, who has the newest checkpoint.
        always = {"num_returns": "streaming", "max_retries": 0, "max_calls": 1}
        self._said = ray.remote(**always, **options)(_fit).remote(*given)

    def bring(self) -> Any:
        """Return the next message of the task; None if it has ended."""
        one = next(self._said, None)
        return None if one is None else self._ray.get(one)

    def end(self) -> None:
        """Cancel the task and wait for its end."""
        self._ray.cancel(self._said)
        self._ray.wait([self._said.completed()])


def _fit(given: tuple[Fit, Weights, np.ndarray | None], kept: np.ndarray | None) -> Iterator[Any]:
    """Yield the name of the device, then (done, total) of steps, and (epoch, best, checkpoint)."""
    fit, weights, content = given
    said, ended = queue.Queue[Any](), threading.Event()
    with TemporaryDirectory(prefix="petalscope-") as name, ThreadPoolExecutor(1) as pool:
        file = Path(name) / CHECKPOINT
        if kept is not None:
            kept.tofile(file)
        if content is not None:
            content.tofile(Path(name) / WEIGHTS)
            weights = replace(weights, file=Path(name) / WEIGHTS)
        reported = [time.monotonic(), 0]
        """Time of the last reported step, and steps since the last epoch."""

        def report_step(done: int, total: int) -> None:
            reported[1] += 1
            if time.monotonic() - reported[0] > _STEP_S:
                reported[0] = time.monotonic()
                said.put((done, total))

        def report_epoch(epoch: EpochResult, best: EpochResult) -> None:
            if reported[1]:  # else the epoch is from the checkpoint, which the caller knows
                reported[1] = 0
                said.put((epoch, best, np.fromfile(file, np.uint8)))

        watch = FitWatch(on_epoch=report_epoch, on_step=report_step, should_stop=ended.is_set)
        running = pool.submit(fit, Path(name), watch, weights)
        try:
            yield find_device().name
            while not (running.done() and said.empty()):
                with suppress(queue.Empty):
                    yield said.get(timeout=_STEP_S)
            running.result()
        finally:
            ended.set()
