"""Workers without their start: one process imports Keras once and forks each worker that is asked.

`python -m tests.forking FD` hears requests at a socket; see tests/warm, by which also a worker that
a scheduler starts is forked. Tests that prove a start do without: of the scheduler, the command
line, the browser, the installed program.
"""

import atexit
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from core.runs.queue.starting import python_environment
from core.runs.store import RunRecord
from core.workspace import PROJECT_ROOT, Workspace
from tests.warm.sitecustomize import ask, name_socket

LARGEST_FILE = 1_500_000
"""Bytes that a worker with a full disk can write to a file."""
POLL_S = 0.02

_forks: dict[str, "subprocess.Popen[bytes]"] = {}


def fork_worker(
    workspace: Workspace, run: RunRecord, death: tuple[int, str] | None, patience_s: float
) -> int:
    """Return how the worker ended that trained the run: as `subprocess` tells it.

    Args:
        workspace: Holds the run.
        run: That waits to be trained.
        death: The epoch, from 1, and what happens in it (“amid”, “after”, “full disk”).
        patience_s: How long the worker may take.

    Raises:
        TimeoutError: It took longer, and was killed.
    """
    path = warm_up_forks(stages=run.trains_stages)
    request: dict[str, object] = {
        "arguments": ["--run", run.id],
        "environment": python_environment(workspace),
        "death": death,
    }
    with socket.socket(socket.AF_UNIX) as connection, Path(os.devnull).open() as nothing:
        connection.settimeout(patience_s)
        connection.connect(str(path))
        return ask(connection, request, [nothing.fileno(), 2, 2])


def warm_up_forks(*, stages: bool) -> Path:
    """Return the socket of the process that forks workers, which is started when there is none."""
    settings = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": str(int(stages))}
    path = find_sockets() / name_socket(settings)
    if str(path) not in _forks or _forks[str(path)].poll() is not None:
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            _forks[str(path)] = process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(listener.fileno())],
                env=settings,
                cwd=PROJECT_ROOT,
                stdin=subprocess.PIPE,  # it ends with us
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        atexit.register(_end, process)
    return path


@cache
def find_sockets() -> Path:
    """Return the folder of this process's sockets; a short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its workers, too
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def main() -> None:
    """Fork a worker for each request; end with the standard input."""
    import core.runs.worker  # noqa: F401
    import models.fitting  # noqa: F401 (Keras, before the forks)

    workers: dict[int, socket.socket] = {}
    listener = socket.socket(fileno=int(sys.argv[1]))
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        ready = [key.fileobj for key, _ in selector.select(POLL_S if workers else None)]
        if sys.stdin in ready:
            return
        if listener in ready:
            connection, _ = listener.accept()
            workers[_fork(connection)] = connection
            selector.register(connection, selectors.EVENT_READ)
        for worker, connection in list(workers.items()):
            if connection in ready:  # who asked is gone
                os.kill(worker, signal.SIGKILL)
            ended, status = os.waitpid(worker, os.WNOHANG)
            if ended:
                selector.unregister(workers.pop(worker))
                with connection, suppress(OSError):
                    connection.send(b"%d" % os.waitstatus_to_exitcode(status))


def _fork(connection: socket.socket) -> int:
    """Return the number of the process that the request asks for."""
    content, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not content.endswith(b"\n"):
        content += connection.recv(1 << 20)
    worker = os.fork()
    if worker == 0:
        _work(files, **json.loads(content))
    for file in files:
        os.close(file)
    return worker


def _work(
    files: list[int],
    arguments: list[str],
    environment: dict[str, str],
    death: tuple[int, str] | None = None,
) -> NoReturn:
    from core.runs import worker
    from tests.small_resnet import use_small_resnet

    code = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["worker", *arguments]
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)  # lest an input that others close stays open
        if death is not None:
            _arrange_death(*death)
        if "TEST_SMALL_RESNET" in environment:
            use_small_resnet()
        code = worker.main()
    except BaseException:  # noqa: BLE001 (a worker from nothing would write it to its log, too)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _arrange_death(epoch: int, when: str) -> None:
    """Let this process die in an epoch: before its checkpoint, after it, or for room."""
    import resource

    from core.runs.queue.run_lock import Attempt
    from models.fit_state import FitState
    from models.plan import EpochResult

    if when == "full disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        return
    keep, tell = FitState._keep, Attempt.tell_epoch

    def die_before(state: FitState, result: EpochResult) -> None:
        if result.epoch == epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        keep(state, result)

    def die_after(report: Attempt, result: Any, best: Any) -> None:
        if result["epoch"] == epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        tell(report, result, best)

    if when == "amid":
        FitState._keep = die_before  # type: ignore[method-assign]
    else:
        Attempt.tell_epoch = die_after  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
