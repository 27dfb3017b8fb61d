"""Workers as Ray actors: one for each GPU of a cluster, so many for each host without one.

Ray starts them, places them and notices who is lost; photos, features and what is to be done never
go through it. An actor is the same loop as any worker (core/workers/loop.py), in a workspace of its
node that fetches from storage. Ray is the extra `petalscope[ray]`.
"""

import logging
import os
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.config import read_settings
from core.errors import ClusterMissing
from core.runs.queue.queue import read_active
from core.runs.queue.units import list_jobs
from core.runs.queue.workers import forget_worker
from core.workspace import PROJECT_ROOT, Workspace

IDLE_S = 60.0
"""An actor that had nothing to do for so long gives its GPU or cores back."""
_LOOK_S = 2.0
_KNOCK_S = 5.0
_PASSED_ON = ("PETALSCOPE_", "AWS_", "GOOGLE_", "KERAS_BACKEND", "no_proxy")
"""Beginnings of the variables that actors have, too; as arguments, which Ray shows nobody."""


class Place(NamedTuple):
    """Where an actor may be."""

    node: str
    lane: str
    resources: Mapping[str, float]
    """As Ray's options: num_cpus, num_gpus."""


class _Actor:
    """A worker in a process of Ray's."""

    def work(self, lane: str, environment: dict[str, str], idle_s: float) -> int:
        """Work until there was nothing to do for so long; return the process's id."""
        os.environ.update(environment)
        folder = Path(tempfile.gettempdir()) / "petalscope" / lane.replace("/", "-")
        os.environ["PETALSCOPE_WORKSPACE"] = str(folder)
        from core.runs.database import wait_for_database
        from core.serving.figures import begin_journal
        from core.workers.loop import Worker, work
        from core.workspace import open_workspace

        begin_journal()
        wait_for_database()
        work(Worker(open_workspace(), lane), threading.Event(), idle_s)
        return os.getpid()


class Cluster:
    """The actors of a workspace on a Ray cluster.

    Args:
        address: As ray.init takes it: “auto”, “ray://host:10001”.
        per_host: Actors on a host without GPUs, which share its cores.

    Raises:
        ClusterMissing: No database or storage that all reach, no Ray, or no cluster there.
    """

    def __init__(self, workspace: Workspace, address: str, per_host: int = 1) -> None:
        settings = read_settings()
        if not (settings.database_url and settings.storage_url):
            raise ClusterMissing(
                "The nodes of a cluster reach neither this folder nor an index in it.",
                "Set PETALSCOPE_DATABASE_URL (PostgreSQL) and PETALSCOPE_STORAGE_URL.",
            )
        self._workspace, self._per_host = workspace, per_host
        self._ray = _connect(address)
        self._actors: dict[str, tuple[Any, Any]] = {}
        """Lane → the actor and what it will return."""

    def step(self) -> list[str]:
        """Return in words what changed: lost and idle actors go, those that are wanted come."""
        said = list(self._let_go())
        places = list_places(self._ray.nodes(), self._per_host)
        free = [place for place in places if place.lane not in self._actors]
        for place in free[: max(0, _count_waiting(self._workspace) - len(self._actors))]:
            self._actors[place.lane] = self._start(place)
            said.append(f"{place.lane} starts")
        return said

    def leave(self) -> None:
        """End all actors; what they had is done by others."""
        for actor, _ in self._actors.values():
            self._ray.kill(actor)
        self._ray.shutdown()

    def _let_go(self) -> Iterator[str]:
        for lane, (actor, future) in list(self._actors.items()):
            ended, _ = self._ray.wait([future], timeout=0)
            if ended:
                del self._actors[lane]
                try:
                    self._ray.get(future)
                    yield f"{lane} had nothing to do and ends"
                except self._ray.exceptions.RayError as error:
                    forget_worker(self._workspace, lane)
                    yield f"{lane} is lost ({type(error).__name__})"
                self._ray.kill(actor)

    def _start(self, place: Place) -> tuple[Any, Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(place.node, soft=False)
        options = {"scheduling_strategy": there, **place.resources}
        actor = self._ray.remote(_Actor).options(**options).remote()
        passed_on = {name: one for name, one in os.environ.items() if name.startswith(_PASSED_ON)}
        return actor, actor.work.remote(place.lane, passed_on, IDLE_S)


def list_places(nodes: Sequence[Mapping[str, Any]], per_host: int) -> list[Place]:
    """Return where actors may be: one for each GPU; on a node without, so many share its cores.

    Args:
        nodes: As ray.nodes() describes them.
    """
    places = []
    for node in nodes:
        if not node["Alive"]:
            continue
        name = f"{node['NodeName']}-{node['NodeID'][:6]}"
        gpus, cores = int(node["Resources"].get("GPU", 0)), node["Resources"].get("CPU", 0.0)
        each = {"num_cpus": cores / max(gpus or per_host, 1), "num_gpus": float(gpus > 0)}
        for number in range(gpus or (per_host if cores else 0)):
            lane = f"{name}/{number + 1} {'gpu' if gpus else 'cpu'}"
            places.append(Place(node["NodeID"], lane, each))
    return places


def keep_actors(cluster: Cluster, ended: threading.Event, tell: Callable[[str], None]) -> None:
    """Keep as many actors as there is work for, until `ended` is set."""
    try:
        while not ended.wait(_LOOK_S):
            for line in cluster.step():
                tell(line)
    finally:
        cluster.leave()


def _count_waiting(workspace: Workspace) -> int:
    """Return how many actors would have something to do: for runs and for parts, or are at it."""
    runs = sum(not run.is_going or "/" in run.lane for run in read_active(workspace))
    return runs + sum(job.units_left for job in list_jobs(workspace) if job.is_wanted)


def _knock(address: str) -> None:
    """Return when somebody listens at an address: Ray itself asks for minutes."""
    if parts := re.fullmatch(r"(?:ray://)?([^/]+):(\d+)", address):
        socket.create_connection((parts[1], int(parts[2])), _KNOCK_S).close()


def _connect(address: str) -> Any:
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray

        _knock(address)
        ray.init(
            address=address,
            namespace="petalscope",
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": str(PROJECT_ROOT)}},
        )
    except ImportError as error:
        raise ClusterMissing("Ray is not installed.", "pip install “petalscope[ray]”") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterMissing(
            f"There is no Ray cluster at {address} ({' '.join(str(error).split())[:200]}).",
            "Start one with “ray start --head”, or name its address.",
            address=address,
        ) from error
    return ray
