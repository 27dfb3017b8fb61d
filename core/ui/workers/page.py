"""The workers page: a row for each lane and its run, and for each batch that machines share."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.formats import count, plain
from core.people import sees
from core.runs.queue.queue import read_active
from core.runs.queue.starting import host_of, list_lanes
from core.runs.queue.units import Job, list_jobs
from core.runs.run_files import curve, latest_progress, read_events
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.live_state import describe_phase
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import title_run

_LOOK_EVERY = "2s"


@dataclass(frozen=True, kw_only=True)
class WorkersPage:
    """What goes on now."""

    lanes: dict[str, RunRecord | None]
    """Name → the run that goes there; those of other machines are known while a run goes."""
    speeds: dict[str, str]
    """Id of a run → photos a second, as it said last; "" where it did not."""
    waiting: int
    jobs: list[Job]


def read_workers() -> WorkersPage:
    """Read queue and batches, of what the visitor may see."""
    workspace = cache.workspace()
    may_see = sees(workspace, "run")
    active = [run for run in read_active(workspace) if may_see(run.id)]
    going = {run.lane: run for run in active if run.is_going}
    return WorkersPage(
        lanes={lane.name: None for lane in list_lanes()} | going,
        speeds={run.id: _read_speed(run) for run in going.values()},
        waiting=sum(not run.is_going for run in active),
        jobs=list_jobs(workspace),
    )


def _read_speed(run: RunRecord) -> str:
    """Return the photos a second of the phase that goes, or of the last epoch."""
    events = read_events(cache.workspace().run_folder(run.id))[0]
    last = curve(events)[-1:]
    said = (latest_progress(events) or {}).get("per_second")
    speed = said or (last[0].get("photos_per_second") if last else None)
    return f"{speed:,.0f}" if speed else ""


def show_workers() -> None:
    """Draw the whole page, again and again."""
    st.fragment(_show, run_every=_LOOK_EVERY)()


def _show() -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        page = read_workers()
        rows = [_describe(lane, run, page) for lane, run in page.lanes.items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Machines and what they do")
        st.caption(
            f"{count(page.waiting, 'run')} {'waits' if page.waiting == 1 else 'wait'}. More lanes: "
            "`PETALSCOPE_LANES`. Another machine helps by `petalscope scheduler --host NAME`."
        )
        if page.jobs:
            st.subheader("Photos answered by parts", anchor=False)
        for job in page.jobs:
            said = f"{job.done:,} of {count(job.total, 'photo')}"
            owners = f"{count(job.owners, 'process')} at it" if job.owners else "nobody is at it"
            st.progress(job.done / max(job.total, 1), f"{job.id[:8]}: {said}, {owners}")


def _describe(lane: str, run: RunRecord | None, page: WorkersPage) -> dict[str, str]:
    machine, device = host_of(lane) or "this one", lane.rpartition("/")[2] or "whole machine"
    row = {"Machine": machine, "Lane": device, "Run": "", "Does": "waits for work"}
    if run is None:
        return row | {"Epochs": "", "Photos / s": "", "Last word": ""}
    heard = run.heartbeat and (datetime.now(UTC) - run.heartbeat).total_seconds()
    return row | {
        "Run": plain(title_run(run), 60),
        "Does": describe_phase(run),
        "Epochs": f"{run.epochs_done} / {run.recipe.epochs}",
        "Photos / s": page.speeds[run.id],
        "Last word": "" if heard is None else f"{max(heard, 0):.0f} s ago",
    }
