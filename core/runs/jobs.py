"""Background jobs, each in a process of its own that outlives the page.

A job's folder has job.json (parameters), events.jsonl (progress), job.log, and job.lock, which the
process holds while it runs. Pages only read the folder: a reload, a closed browser or a killed page
server does not end a job. `core.jobs` names the work of each kind.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from core.errors import PetalscopeError, WeightsDamaged
from core.kept import read_cached
from core.runs.locks import free_lock, is_locked, take_lock
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler, python_command, start_detached
from core.runs.recipe.recipe import Recipe
from core.runs.run_files import append_event, read_events, read_json
from core.workspace import Workspace, write_json
from models.weights import Weights, download_weights

_JOB, _LOG, _LOCK = "job.json", "job.log", "job.lock"
_REPORT_EVERY_S = 0.25
_ENDING_S = 10.0


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """The state of a job; `result` when done, `problem` and `remedy` when failed.

    The `result` of an import that failed with LayoutUnclear holds its `readings`.
    """

    parameters: dict[str, Any]
    state: Literal["running", "ready", "done", "failed"]
    """ready: an import that waits for a decision."""
    phase: str = "starting"
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    """Of the phase, by its speed so far; None while unknown."""
    result: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    problem: str = ""
    remedy: str = ""


def start_job(workspace: Workspace, folder: Path, kind: str, parameters: Mapping[str, Any]) -> None:
    """Start a job in a detached process, unless one is running there already.

    The events of an earlier job in the folder are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A job reports its end a moment before its process ends and frees the lock.
    before = read_job(folder)
    wait_s = _ENDING_S if before is not None and before.state != "running" else 0.0
    lock = take_lock(folder / _LOCK, wait_s)  # the process inherits it
    if lock is None:
        return
    with ExitStack() as on_error:
        on_error.callback(free_lock, lock)
        (folder / "events.jsonl").unlink(missing_ok=True)
        write_json(folder / _JOB, dict(parameters))
        on_error.pop_all()  # from here on, the lock belongs to the process
    command = python_command("core.jobs", kind, str(folder))
    start_detached(workspace, command, lock=lock, log_file=folder / _LOG)


def start_analysis(
    workspace: Workspace, identifier: str, kind: str, parameters: Mapping[str, Any]
) -> None:
    """Start the job that computes an analysis, unless it is cached or the job runs.

    Args:
        parameters: With `dataset`, so that the dataset counts as used.
    """
    if read_cached(workspace, identifier) is None:
        start_job(workspace, workspace.analysis_folder(identifier), kind, parameters)


def read_job(folder: Path) -> JobStatus | None:
    """Return the state of the job of a folder; None if none was started."""
    if not (folder / _JOB).exists():
        return None
    alive = is_locked(folder / _LOCK)  # asked first: then its last event is read
    status = JobStatus(parameters=read_json(folder / _JOB), state="running")
    for event in read_events(folder)[0]:
        facts = {name: value for name, value in event.items() if name not in ("event", "time")}
        status = replace(status, **facts)
    if status.state != "running" or alive:
        return status
    return replace(
        status,
        state="failed",
        code="job_ended",
        problem="The job was killed, probably because memory ran out.",
        remedy=f"Start it again. Its log: {folder / _LOG}",
    )


def list_jobs(place: Path) -> dict[str, JobStatus]:
    """Return the jobs of a place (`workspace.exports`, say), by the names of their folders."""
    folders = [file.parent for file in sorted(place.glob(f"[!.]*/{_JOB}"))]
    return {folder.name: job for folder in folders if (job := read_job(folder)) is not None}


Report = Callable[[str, int, int], None]
"""The work calls it often with phase, done and total."""


def run_job(folder: Path, work: Callable[[Mapping[str, Any], Report], Mapping[str, Any]]) -> None:
    """Do the work of a job in this process and write its events.

    An error becomes the state "failed".
    """
    try:
        result = work(read_json(folder / _JOB), _make_report(folder))
    except PetalscopeError as error:
        said = {"code": error.code, "problem": error.problem, "remedy": error.remedy}
        asked = {name: error.facts[name] for name in error.facts if name == "readings"}
        _end(folder, state="failed", **said, result=asked)
    except Exception as error:  # the edge of this process: the traceback goes to the log
        fault = f"A bug in the program: {type(error).__name__}: {error}"[:500]
        remedy = f"See the end of its log: {folder / _LOG}"
        _end(folder, state="failed", code="bug", problem=fault, remedy=remedy)
        raise
    else:
        _end(folder, state="done", result=dict(result))


def _make_report(folder: Path) -> Report:
    phase, phase_since, begun, last = "", 0.0, 0, 0.0

    def report(now_doing: str, done: int, total: int) -> None:
        nonlocal phase, phase_since, begun, last
        now = time.monotonic()
        if now_doing != phase:
            phase, phase_since, begun, last = now_doing, now, done, 0.0
        if now - last > _REPORT_EVERY_S or done == total:
            last = now
            pace = (now - phase_since) / (done - begun) if done > begun else None
            left = None if pace is None else round(pace * (total - done), 1)
            facts = {"phase": phase, "done": done, "total": total, "seconds_left": left}
            append_event(folder, {"event": "progress", **facts})

    return report


def _end(folder: Path, **facts: object) -> None:
    append_event(folder, {"event": "end", **facts})


def start_fetch(workspace: Workspace, **run: str) -> None:
    """Start the job, unless it is running.

    Args:
        run: `dataset` and `name` of a run with the default recipe, which waits for the weights.
    """
    start_job(workspace, find_fetch(workspace), "weights", {"run": run})


def find_fetch(workspace: Workspace) -> Path:
    """Return the folder of the job."""
    return workspace.downloads / "weights-pretrained"


def probe_weights(workspace: Workspace, weights: Weights) -> None:
    """Build the backbone of new weights and check its features.

    Raises:
        WeightsDamaged: The features are useless; the file was deleted.
    """
    from models.making import make_backbone  # loads OpenVINO

    try:
        make_backbone(workspace, weights, "resnet")
    except WeightsDamaged:
        if weights.file is not None and weights.file.parent == workspace.weights:
            weights.file.unlink(missing_ok=True)
        raise


def fetch_weights(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job and return the submitted run, if any."""
    run = parameters["run"]
    found = download_weights(workspace, lambda done, total: report("downloading", done, total))
    report("checking the weights", 0, 0)
    probe_weights(workspace, found)
    if "dataset" not in run:
        return {}
    recipe = Recipe(dataset=run["dataset"], weights=found.name, weights_digest=found.digest)
    record, _ = submit_run(workspace, recipe, run["name"])
    ensure_scheduler(workspace)
    return {"run": record.id}
