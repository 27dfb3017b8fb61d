"""Workers without their start: one process imports Keras once and forks each worker that is asked.

`python -m tests.forking` reads requests, a line of JSON each, and answers with how the worker
ended. Three tests start real workers from nothing: of the scheduler, the command line, the browser.
"""

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import traceback
from typing import Any, NoReturn

from core.runs.queue.starting import python_environment
from core.runs.store import RunRecord
from core.workspace import PROJECT_ROOT, Workspace

LARGEST_FILE = 1_500_000
"""Bytes that a worker with a full disk can write to a file."""

_forks: dict[tuple[str, bool], "subprocess.Popen[str]"] = {}


def fork_worker(
    workspace: Workspace, run: RunRecord, death: tuple[int, str] | None, patience_s: float
) -> int:
    """Return how the worker ended that trained the run: as `subprocess` tells it.

    Args:
        workspace: Holds the run.
        run: That waits to be trained.
        death: The epoch, from 1, and what happens in it; see tests/dying.py.
        patience_s: How long the worker may take.

    Raises:
        TimeoutError: It took longer, and was killed.
    """
    process = _find_process(stages=run.trains_stages)
    request = {"run": run.id, "environment": python_environment(workspace), "death": death}
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(patience_s):
            _end(process)
            raise TimeoutError(f"the worker of {run.id} did not end within {patience_s:.0f} s")
    return int(process.stdout.readline())


def _find_process(*, stages: bool) -> "subprocess.Popen[str]":
    """Return the process that forks workers; what a worker decides before Keras comes is its own.

    The backend, and whether TensorFlow computes for convolutions.
    """
    kind = (os.environ.get("KERAS_BACKEND", ""), stages)
    if kind not in _forks or _forks[kind].poll() is not None:
        _forks[kind] = process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": str(int(stages))},
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(_end, process)
    return _forks[kind]


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its worker, too
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def main() -> None:
    """Fork a worker for each request; end with the standard input."""
    import core.runs.worker  # noqa: F401
    import models.fitting  # noqa: F401 (Keras, before the forks)

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _work(**request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _work(run: str, environment: dict[str, str], death: tuple[int, str] | None) -> NoReturn:
    from core.runs import worker

    # It takes longer than most runs of the tests; workers from nothing do it.
    worker.cross_validate_small = lambda *_: None
    code = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["worker", "--run", run]
        os.dup2(
            os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno()
        )  # the requests are not its own
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        if death is not None:
            _arrange_death(*death)
        code = worker.main()
    except BaseException:  # noqa: BLE001 (a worker from nothing would write it to its log, too)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _arrange_death(epoch: int, when: str) -> None:
    """Let this process die in an epoch: amid its batches, after its checkpoint, or for room."""
    import resource

    from core.runs.queue.run_lock import RunLock
    from core.runs.training.reporting import RunReport

    if when == "full disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        return
    begin, tell, ask = RunReport.begin_phase, RunReport.tell_epoch, RunLock.should_stop
    here: dict[str, Any] = {"phase": "", "epoch": 0, "batches": 0}

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def begin_phase(report: RunReport, phase: str, **facts: Any) -> None:
        here["phase"] = phase
        begin(report, phase, **facts)

    def tell_epoch(report: RunReport, result: Any, best: Any) -> None:
        if when == "after" and result["epoch"] == epoch:
            die()
        here.update(epoch=result["epoch"], batches=0)
        tell(report, result, best)

    def should_stop(lock: RunLock) -> bool:  # asked before each batch
        here["batches"] += here["phase"] == "training"
        if when == "amid" and here["epoch"] == epoch - 1 and here["batches"] == 2:
            die()
        return ask(lock)

    RunReport.begin_phase, RunReport.tell_epoch = begin_phase, tell_epoch  # type: ignore[method-assign]
    RunLock.should_stop = should_stop  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
