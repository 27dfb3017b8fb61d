"""Workers that die where a test wants it: real processes, real SIGKILL, at a chosen epoch.

One process imports Keras once and forks a worker for each attempt, so that a run can be killed at
each of its epochs in the time that one of them would need to start. A worker dies in the middle of
an epoch, or when its checkpoint stands but nobody was told of it yet; or it meets a full disk.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Literal

from core.runs.store import RunRecord
from core.workspace import PROJECT_ROOT, Workspace
from tests.processes import PATIENCE_S

When = Literal["amid", "after", "full disk"]
Death = tuple[int, When]
"""The epoch, from 1, and what happens in it."""

LARGEST_FILE = 1_500_000
"""Bytes that a worker with a full disk can write to a file."""

_CODE = """if True:
    import json, os, resource, signal, sys
    from core.runs.database import close_databases
    from core.runs.training.executing import execute_run
    from core.runs.queue.run_lock import Hold
    from core.runs.queue.queue import mark_lost, queue_lost_runs, retry_run
    from core.runs.training.reporting import RunReport
    from core.runs.store import read_run
    from core.workspace import open_workspace
    import models.fitting  # Keras, before the forks

    largest_file, jobs = int(sys.argv[1]), json.loads(sys.argv[2])

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def arrange_death(epoch, when):
        begin, tell, ask = RunReport.begin_phase, RunReport.tell_epoch, Hold.should_stop
        here = {"phase": "", "epoch": 0, "batches": 0}

        def begin_phase(report, phase, **facts):
            here["phase"] = phase
            begin(report, phase, **facts)

        def tell_epoch(report, result, best):
            if when == "after" and result["epoch"] == epoch:
                die()
            here.update(epoch=result["epoch"], batches=0)
            tell(report, result, best)

        def should_stop(hold):  # asked before each batch
            here["batches"] += here["phase"] == "training"
            if when == "amid" and here["epoch"] == epoch - 1 and here["batches"] == 2:
                die()
            return ask(hold)

        RunReport.begin_phase, RunReport.tell_epoch = begin_phase, tell_epoch
        Hold.should_stop = should_stop

    def attempt(workspace, run_id, death):
        close_databases()  # connections do not survive a fork
        child = os.fork()
        if child == 0:
            try:
                if death is not None and death[1] == "full disk":
                    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
                elif death is not None:
                    arrange_death(*death)
                execute_run(workspace, run_id)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        run = read_run(workspace, run_id)
        assert mark_lost(workspace, run) == killed
        return "killed" if killed else run.error_code or run.state

    def train(root, run_id, deaths):
        os.environ["PETALSCOPE_WORKSPACE"] = root
        workspace = open_workspace()
        for death in deaths:
            yield attempt(workspace, run_id, death)
            queue_lost_runs(workspace)
            retry_run(workspace, run_id)  # one that was lost too often, or that failed
        yield attempt(workspace, run_id, None)

    print(json.dumps([list(train(*job)) for job in jobs]))
"""


def train_and_kill(
    jobs: Sequence[tuple[Workspace, RunRecord, Sequence[Death]]],
) -> list[list[str]]:
    """Returns how each worker of each job ended: "killed", an error code, or the run's state.

    Args:
        jobs: The workspace, in which no scheduler may be at work; the run, which waits; and what
            happens to each of its workers but the last.
    """
    stages = any(run.recipe.trained_stages for _, run, _ in jobs)
    named = [(str(workspace.root), run.id, list(deaths)) for workspace, run, deaths in jobs]
    answer = subprocess.run(
        [sys.executable, "-c", _CODE, str(LARGEST_FILE), json.dumps(named)],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1" if stages else "0"},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=10 * PATIENCE_S,
        check=True,
    )
    return list(json.loads(answer.stdout.splitlines()[-1]))
