"""A worker's hold on a run: the lock that says "somebody is at it", and the heartbeat.

While a process holds a run no other can; when it ends, however it ends, the lock is free and the
scheduler sees that the run was lost. The heartbeat tells a worker that hangs from one that works.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

from core.runs.locks import free_lock, is_locked, take_lock
from core.runs.queue.progress import begin_run, renew_heartbeat
from core.runs.store import Request, RunRecord
from core.workspace import Workspace

LOCK_FILE = "worker.lock"
HEARTBEAT_S = 0.5
_PROBE_S = 5.0
"""The scheduler's look at a lock takes it for a moment; a worker waits that long for it."""

_log = logging.getLogger(__name__)


class Hold:
    """What a worker may ask while it has a run."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self._workspace = workspace
        self._run = run
        self._request: Request = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def request(self) -> Request:
        """Returns what was asked of the run ("stop" if it is no longer ours); costs nothing."""
        return self._request

    def should_stop(self) -> bool:
        """Returns whether the run must end now, to stop or to pause; costs nothing."""
        return self._request in ("stop", "pause")

    def _beat(self) -> None:
        while True:
            try:
                ours, asked = renew_heartbeat(self._workspace, self._run)
                self._request = asked if ours else "stop"
            except OperationalError as error:  # the next beat may succeed; silence is noticed
                _log.warning("heartbeat failed: %s", error)
            if self._over.wait(HEARTBEAT_S):
                return

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def hold_run(workspace: Workspace, run: RunRecord) -> Iterator[Hold | None]:
    """Yields the hold on a run that is starting, or None: another has it, or it is not its turn."""
    lock = take_lock(_lock_file(workspace, run.id), wait_s=_PROBE_S)
    if lock is None:
        yield None
        return
    try:
        if begin_run(workspace, run):
            with Hold(workspace, run) as hold:
                yield hold
        else:
            yield None
    finally:
        free_lock(lock)


def is_held(workspace: Workspace, run_id: str) -> bool:
    """Returns whether a living worker has the run."""
    return is_locked(_lock_file(workspace, run_id))


def _lock_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / LOCK_FILE
