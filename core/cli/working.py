"""`worker` and `cluster`: machines that help with what waits."""

import platform
import signal
import subprocess
import threading
from argparse import Namespace

from core.cli.command import command, number, option
from core.cli.outcome import Outcome, ProgressLine
from core.runs.database import wait_for_database
from core.runs.queue.starting import Lane, list_lanes, python_command, python_environment
from core.workspace import Workspace

_AGAIN_S = 5.0
"""A worker that died is started again after so long."""


@command(
    option(
        "--name NAME",
        "what this machine is called on the page Workers (default: its host name)",
        default="",
    )
)
def worker(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Help with runs, features and answers that wait, from any machine; one process a lane.

    The machine reaches the index (PETALSCOPE_DATABASE_URL) and either the folder of the workspace
    or its storage (PETALSCOPE_STORAGE_URL).
    """
    name = (given.name or platform.node() or "worker").replace("/", "-")
    ended = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.set())
    lanes = list_lanes(name)
    progress.note(f"{name} helps until it is ended")
    going = {lane.name: _start(workspace, lane) for lane in lanes}
    while not ended.wait(_AGAIN_S):
        for lane in lanes:
            if going[lane.name].poll() is not None:
                progress.note(f"{lane.name} ended with status {going[lane.name].returncode}")
                going[lane.name] = _start(workspace, lane)
    for process in going.values():
        process.terminate()
    for process in going.values():
        process.wait()
    return Outcome(f"{name} helps no more.", {"name": name, "lanes": [*going]})


def _start(workspace: Workspace, lane: Lane) -> "subprocess.Popen[bytes]":
    environment = python_environment(workspace) | dict(lane.settings)
    return subprocess.Popen(python_command("core.workers.loop", lane.name), env=environment)


cluster = command()


@cluster.action(
    "up",
    "keep as many workers on a Ray cluster as there is work for, until it is ended",
    option("--address", "of the cluster: auto, or as ray://host:10001", default="auto"),
    option(
        "--per-host N",
        "workers on a node without GPUs, which share its cores; on others one a GPU",
        number(int, 1),
        default=1,
    ),
    example="cluster up --address auto",
)
def _keep_cluster(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    from core.workers.ray_actors import Cluster, keep_actors  # Ray is loaded by nobody else

    wait_for_database()
    ended = threading.Event()
    kept = Cluster(workspace, given.address, given.per_host)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.set())
    progress.note("Workers start when something waits")
    keep_actors(kept, ended, progress.note)
    return Outcome("All workers of the cluster have ended.", {"address": given.address})
