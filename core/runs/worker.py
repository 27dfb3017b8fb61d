"""Trains a run, then ends, so that its memory is freed: `python -m core.runs.worker`.

With --run ID it trains that run. Without, it imports Keras, prepares the first run on a new dataset
and waits for an id on its standard input. After a head it also trains the next waiting heads. It
outlives the scheduler and the page server.
"""

import argparse
import logging
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import PetalscopeError
from core.runs.queue.queue import read_active
from core.runs.training.executing import execute_run
from core.runs.training.preparing import prepare_first_run
from core.workspace import Workspace, open_workspace

LOG_FILE = "worker.log"
MOST_RUNS = 100
"""Most runs of one worker, which then frees its memory."""


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description="Trains a run and waiting heads, then ends.")
    parser.add_argument("--run", help="id of the run; without it, the id is read from the input")
    given = parser.parse_args()
    run_id: str | None = given.run
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    workspace = open_workspace()
    if run_id is None:
        from models.fitting import warm_up  # imports Keras

        warm_up()
        with suppress(PetalscopeError, OSError):  # a run meets the same problem and reports it
            prepare_first_run(workspace, should_stop=_has_input)
        run_id = sys.stdin.readline().strip()
        if not run_id:
            return 0
    for _ in range(MOST_RUNS):
        _write_to_log(workspace, run_id)
        run = execute_run(workspace, run_id)
        run_id = "" if run.trains_stages else _find_next_head(workspace)
        if not run_id:
            break
    return 0


def _has_input() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _find_next_head(workspace: Workspace) -> str:
    """Return the id of the next run if it trains a head and no run is running; else ""."""
    first = next(iter(read_active(workspace)), None)  # a running one, if there is any
    return first.id if first and not (first.is_going or first.trains_stages) else ""


def _write_to_log(workspace: Workspace, run_id: str) -> None:
    """Redirect all output, also of libraries, to the log of the run."""
    path: Path = workspace.run_folder(run_id) / LOG_FILE
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


if __name__ == "__main__":
    sys.exit(main())
