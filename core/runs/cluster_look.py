"""Ask the cluster of the settings for its resources in a job: a page never waits for a cluster."""

import time

from core.config import read_settings
from core.runs.jobs import JobStatus, read_job, start_job
from core.workspace import Workspace

_FRESH_S = 60.0


def ask_cluster(workspace: Workspace) -> JobStatus | None:
    """Return the job with an answer of the last minute, or the running one; None: no cluster."""
    address, folder = read_settings().ray_address, workspace.analysis_folder("ray-cluster")
    if address is None:
        return None
    job, log = read_job(folder), folder / "events.jsonl"
    said = log.stat().st_mtime if log.exists() else 0.0
    asked = {"address": address}
    old = job is None or job.parameters != asked or abs(time.time() - said) > _FRESH_S
    if old and not (job and job.state == "going") and not workspace.read_only:
        start_job(workspace, folder, "cluster", asked)
        job = read_job(folder)
    return job
