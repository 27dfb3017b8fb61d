"""A job that asks the cluster of the settings what it has: a page never waits for a cluster.

`python -m core.runs.cluster_look FOLDER`, as core/runs/jobs.py starts it.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config import read_settings
from core.runs.jobs import JobStatus, Tell, read_job, run_job, start_job
from core.workspace import Workspace

_FRESH_S = 60.0


def ask_cluster(workspace: Workspace) -> JobStatus | None:
    """Return what the cluster said within a minute, or that it is being asked; None: no cluster."""
    address, folder = read_settings().ray_address, workspace.analysis_folder("ray-cluster")
    if address is None:
        return None
    job, log = read_job(folder), folder / "events.jsonl"
    said = log.stat().st_mtime if log.exists() else 0.0
    asked = {"address": address}
    old = job is None or job.parameters != asked or abs(time.time() - said) > _FRESH_S
    if old and not (job and job.state == "going") and not workspace.read_only:
        start_job(workspace, folder, "core.runs.cluster_look", asked)
        job = read_job(folder)
    return job


def _look(_asked: Mapping[str, Any], _tell: Tell) -> Mapping[str, Any]:
    from core.cluster import describe_cluster  # with OpenVINO, which no page needs for this

    return describe_cluster()


if __name__ == "__main__":
    run_job(Path(sys.argv[1]), _look)
