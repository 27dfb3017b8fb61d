"""The workers page: a row for each lane, its run or part, and a bar for each job of parts."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.formats import count, plain
from core.runs.queue.queue import read_active
from core.runs.queue.starting import host_of, list_lanes
from core.runs.queue.units import Job, list_jobs
from core.runs.queue.workers import WorkerState, list_workers
from core.runs.run_files import curve, latest_progress, read_events
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.live_state import describe_phase
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import title_run

_LOOK_EVERY = "2s"
_JOBS = {"features": "Features of a dataset", "answers": "Answers to a folder of photos"}


@dataclass(frozen=True, kw_only=True)
class WorkersPage:
    """What goes on now."""

    runs: dict[str, RunRecord]
    """Lane → the run that goes there."""
    workers: dict[str, WorkerState]
    """Lane → the worker that helps; lanes of this machine have none."""
    speeds: dict[str, float | None]
    """Id of a run → photos a second, as it said last."""
    waiting: int
    jobs: list[Job]

    @property
    def lanes(self) -> list[str]:
        """All lanes that are known, those of this machine first."""
        here = [lane.name for lane in list_lanes()]
        return [*here, *sorted((self.runs.keys() | self.workers.keys()) - {*here})]

    def measure_speed(self, job: Job) -> float:
        """Return the photos a second of all workers that are at a job."""
        at_it = [one for one in self.workers.values() if one.job == job.id and not one.is_silent]
        return sum(one.speed for one in at_it)


def read_workers() -> WorkersPage:
    """Read queue, workers and jobs."""
    workspace = cache.workspace()
    active = read_active(workspace)
    going = {run.lane: run for run in active if run.is_going}
    return WorkersPage(
        runs=going,
        workers={worker.lane: worker for worker in list_workers(workspace)},
        speeds={run.id: _read_speed(run) for run in going.values()},
        waiting=sum(not run.is_going for run in active),
        jobs=list_jobs(workspace),
    )


def _read_speed(run: RunRecord) -> float | None:
    """Return the photos a second of the phase that goes, or of the last epoch."""
    events = read_events(cache.workspace().run_folder(run.id))[0]
    last = curve(events)[-1:]
    said = (latest_progress(events) or {}).get("per_second")
    return said or (last[0].get("photos_per_second") if last else None)


def show_workers() -> None:
    """Draw the whole page, again and again."""
    st.fragment(_show, run_every=_LOOK_EVERY)()


def _show() -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        page = read_workers()
        rows = [_describe(lane, page) for lane in page.lanes]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Machines and what they do")
        st.caption(
            f"{count(page.waiting, 'run')} {'waits' if page.waiting == 1 else 'wait'}. More lanes: "
            "`PETALSCOPE_LANES`. Another machine helps by `petalscope worker`, a Ray cluster by "
            "`petalscope cluster up`."
        )
        if page.jobs:
            st.subheader("Work in parts", anchor=False)
        for job in page.jobs:
            st.progress(job.done / max(job.total, 1), _describe_job(job, page))


def _describe_job(job: Job, page: WorkersPage) -> str:
    words = [f"{job.done:,} of {count(job.total, 'photo')}"]
    words.append(f"{count(job.owners, 'process')} at it" if job.owners else "nobody is at it")
    if job.owners and (speed := page.measure_speed(job)):
        words.append(f"workers at {speed:,.0f} photos/s by their last parts")
    if not job.is_wanted:
        words.append("nobody waits for it: it goes on when it is asked for again")
    return f"{_JOBS.get(job.kind, 'Photos')} {job.id[:8]}: {', '.join(words)}"


def _describe(lane: str, page: WorkersPage) -> dict[str, str]:
    machine, device = host_of(lane) or "this one", lane.rpartition("/")[2] or "whole machine"
    run, worker = page.runs.get(lane), page.workers.get(lane)
    row = {"Machine": machine, "Lane": device, "Run": "", "Does": "waits for work"}
    row |= {"Epochs": "", "Photos / s": "", "Last word": ""}
    if worker is not None:
        row |= {"Does": worker.does or row["Does"], "Last word": _say_ago(worker.silent_s)}
        if worker.does and worker.speed:
            row["Photos / s"] = f"{worker.speed:,.0f}"
        if worker.is_silent:
            row["Does"] = "silent: others do what it had"
    if run is not None:
        beat = run.heartbeat
        speed = page.speeds[run.id]
        row |= {"Run": plain(title_run(run), 60), "Does": describe_phase(run)}
        row |= {"Epochs": f"{run.epochs_done} / {run.recipe.epochs}"}
        row |= {"Photos / s": f"{speed:,.0f}" if speed else ""}
        row |= {"Last word": _say_ago((datetime.now(UTC) - beat).total_seconds()) if beat else ""}
    return row


def _say_ago(seconds: float) -> str:
    return f"{max(seconds, 0):.0f} s ago"
