"""Workers that die where a test wants it: real processes, real SIGKILL, at a chosen epoch.

A worker dies in the middle of an epoch, or when its checkpoint stands but nobody was told of it
yet; or it meets a full disk. Each is a fork (tests/forking.py), so that a run can be killed at each
of its epochs in the time that one worker would need to start.
"""

import signal
from collections.abc import Iterator, Sequence
from typing import Literal

from core.runs.queue.queue import mark_lost, queue_lost_runs, retry_run
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from tests.forking import fork_worker
from tests.processes import PATIENCE_S

When = Literal["amid", "after", "full disk"]
Death = tuple[int, When]
"""The epoch, from 1, and what happens in it."""


def train_and_kill(workspace: Workspace, run: RunRecord, deaths: Sequence[Death]) -> Iterator[str]:
    """Yield how each worker of a run ended: "killed", an error code, or the run's state.

    Args:
        workspace: No scheduler may be at work in it.
        run: It waits.
        deaths: What happens to each of its workers but the last.
    """
    for death in deaths:
        yield _attempt(workspace, run, death)
        queue_lost_runs(workspace)
        retry_run(workspace, run.id)  # one that was lost too often, or that failed
    yield _attempt(workspace, run, None)


def _attempt(workspace: Workspace, run: RunRecord, death: Death | None) -> str:
    killed = fork_worker(workspace, run, death, 5 * PATIENCE_S) == -signal.SIGKILL
    run = read_run(workspace, run.id)
    assert mark_lost(workspace, run) == killed
    return "killed" if killed else run.error_code or run.state
