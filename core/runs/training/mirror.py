"""The optional mirror of runs in MLflow: parameters, curves and figures of each run that ended.

MLflow is loaded, and its server is spoken to, by `mirroring` in a process of its own that nobody
waits for: whatever goes wrong there is a warning in the run's log and costs the run nothing.
"""

import logging
import subprocess

from core.config import read_settings
from core.runs.queue.starting import python_command, python_environment
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.workspace import Workspace

_log = logging.getLogger("run")


def mirror_run(workspace: Workspace, run: RunRecord, result: RunResult) -> None:
    """Returns nothing, at once; where PETALSCOPE_MLFLOW_URI is set, the run is being mirrored.

    Args:
        workspace: Where the run is.
        run: The run; its result must stand in its folder.
        result: What it gave.
    """
    if read_settings().mlflow_uri is None:
        return
    try:
        # The shell starts it in the background and ends: it is nobody's child.
        subprocess.run(
            [
                "/bin/sh",
                "-c",
                '"$@" &',
                "sh",
                *python_command("core.runs.training.mirroring", run.id),
            ],
            env=python_environment(workspace),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        _log.warning("not mirrored in MLflow: %s", error)
        return
    _log.info("mirroring %d epochs in MLflow", len(result.history))
