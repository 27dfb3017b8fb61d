"""The progress of runs and jobs: badge, place in the queue, phase, epochs, best epoch."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.intervals import wilson_interval
from core.formats import count, duration, interval, ordinal, percent, plain, size
from core.prediction.deciding import say_answers
from core.runs.jobs import JobStatus, read_job
from core.runs.queue.queue import read_place
from core.runs.queue.starting import ensure_scheduler
from core.runs.run_files import latest_progress
from core.runs.store import RunRecord, read_run
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_problem
from data.dataset import Dataset

_STATES = {
    "queued": ("gray", ":material/schedule:"),
    "starting": ("blue", ":material/hourglass_top:"),
    "running": ("green", ":material/play_circle:"),
    "stopping": ("orange", ":material/stop_circle:"),
    "paused": ("gray", ":material/pause_circle:"),
    "done": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "lost": ("red", ":material/link_off:"),
}
_ENDINGS = {"stop_after_epoch": "ends after this epoch", "pause": "pausing"}
_PHASES = {
    "": "A worker is starting …",
    "backbone": "Preparing the backbone, once for these weights …",
    "packing": "Making the photos square, once for this dataset …",
    "extracting": "Computing features, once for this dataset and these weights …",
    "activations": "Computing activations of the frozen stages, once …",
    "training": "Training …",
    "scoring": "Scoring all photos with the best epoch …",
}
_RECENT = 5


def follow_run(run: RunRecord, draw: Callable[[RunRecord], None], every: str = "1s") -> None:
    """Draw a run or sweep and redraw it until it ends, then redraw the whole page."""
    running = not run.has_ended
    st.fragment(_follow_run, run_every=every if running else None)(run.id, running, draw)


def _follow_run(run_id: str, was_running: bool, draw: Callable[[RunRecord], None]) -> None:
    with report_errors():  # errors of a fragment do not reach the page
        run = read_run(cache.workspace(), run_id)
        if was_running == run.has_ended:
            st.rerun()  # the whole page: its lists change, and polling starts or stops
        if not run.has_ended:
            ensure_scheduler(cache.workspace())  # it may have been killed
        draw(run)


def show_badge(run: RunRecord) -> None:
    """Draw the state of the run as a badge."""
    colour, icon = _STATES[run.state]
    words: str = run.state
    if run.state == "done" and run.stopped:
        words = "stopped"
    elif run.state == "stopping":
        words = _ENDINGS.get(run.request, words)
    st.badge(words, icon=icon, color=colour)  # type: ignore[arg-type]


def show_progress(
    run: RunRecord, events: Sequence[dict[str, Any]], epochs: Sequence[dict[str, Any]]
) -> None:
    """Draw the progress or the outcome of a run."""
    if run.state in ("failed", "lost"):
        show_problem(run.problem or "The run ended.", run.remedy or "Try again.")
    elif run.state == "paused":
        st.caption(f"Paused after {count(run.epochs_done, 'epoch')}.")
    elif run.state == "queued":
        place = read_place(cache.workspace(), run.id)  # 0: a worker has it
        st.progress(0.0, text=f"Waiting: {ordinal(place)} in the queue." if place else _PHASES[""])
    elif run.state == "done":
        seconds = sum(epoch["seconds"] for epoch in epochs)
        with st.container(horizontal=True, gap="large"):
            n = run.val_photos or 0
            if run.best_val_accuracy is not None:
                st.metric("Validation accuracy", percent(run.best_val_accuracy, n), width="content")
            if run.recipe.has_epochs:
                st.metric("Best epoch", f"{run.best_epoch} of {len(epochs)}", width="content")
            if seconds:  # an added model was trained elsewhere
                st.metric("Training time", duration(seconds), width="content")
        if run.best_val_accuracy is not None:
            low, high = wilson_interval(round(run.best_val_accuracy * n), n)
            st.caption(f"Validation accuracy: {interval(low, high, n)}.")
        with suppress(PetalscopeError):  # its result is damaged: pages about it say so
            st.caption(say_answers(cache.operating_point(run.id)))
    elif run.phase == "training" and (epochs or latest_progress(events)):
        _show_epochs(run, epochs, latest_progress(events))
    else:
        _show_phase(run, latest_progress(events))
    if run.is_going:
        _show_worker(run, epochs)


def _show_epochs(
    run: RunRecord, epochs: Sequence[dict[str, Any]], progress: dict[str, Any] | None
) -> None:
    """Draw the number of finished epochs, and the progress of the next one where it is known."""
    share, number, within = 0.0, len(epochs), ""
    if progress and progress.get("epoch") == len(epochs) + 1:
        share, number = progress["done"] / progress["total"], len(epochs) + 1
        within = f": {progress['done']:,} of {count(progress['total'], 'photo')}"
    left = f", {duration(seconds_left(run, epochs, share))} left" if epochs else ""
    st.progress(
        min(1.0, (len(epochs) + share) / run.recipe.epochs),
        text=f"Epoch {number} of {run.recipe.epochs}{within}{left}",
    )


def seconds_left(
    run: RunRecord, epochs: Sequence[dict[str, Any]], share_done: float = 0.0
) -> float:
    """Return the time that the remaining epochs take; `share_done` of the current one is done."""
    recent = epochs[-_RECENT:]
    mean = float(sum(epoch["seconds"] for epoch in recent)) / max(1, len(recent))
    return max(0.0, run.recipe.epochs - len(epochs) - share_done) * mean


def _show_phase(run: RunRecord, progress: dict[str, Any] | None) -> None:
    text = _PHASES[run.phase]
    if not progress or not progress.get("total"):
        st.progress(0.0, text=text)
        return
    done, total = progress["done"], progress["total"]
    speed, left = progress.get("per_second"), progress.get("seconds_left")
    text += f" {done:,} of {count(total, 'photo')}"
    if speed:
        text += f", {speed:,.0f} per second"
    if left is not None:
        text += f", {duration(left)} left"
    st.progress(min(1.0, done / total), text=text)


def _show_worker(run: RunRecord, epochs: Sequence[dict[str, Any]]) -> None:
    """Draw the load of the worker."""
    facts, last = [], epochs[-1] if epochs else {}
    if last.get("photos_per_second"):
        facts.append(f"{last['photos_per_second']:,.0f} photos/s")
    if run.pid and (measured := _measure_worker(run.pid)):
        busy, memory = measured
        cores = cache.device().cores
        facts.append(f"CPU {busy / 100:.1f} of {count(cores, 'core')}, {size(memory)} memory")
    batch = last.get("batch_size")
    if batch and batch < run.recipe.batch_size:
        facts.append(f"batches of {batch}, because memory is short")
    if facts:
        st.caption(f":material/memory: {' · '.join(facts)}")


@st.cache_data(ttl=1.0, max_entries=16, show_spinner=False)
def _measure_worker(pid: int) -> tuple[float, int] | None:
    """Return the CPU load (100: one core) since the last call, and the memory of a process."""
    try:
        process = _find_process(pid)
        return process.cpu_percent(None), int(process.memory_info().rss)
    except psutil.Error:  # it ended, or runs on another machine
        return None


@st.cache_resource(ttl=3600, max_entries=16, show_spinner=False)
def _find_process(pid: int) -> psutil.Process:
    return psutil.Process(pid)


def follow_job(folder: Path, name: str, below: str = "") -> None:
    """Draw the progress of a job until it ends, then redraw the whole page."""
    st.fragment(_follow_job, run_every="0.5s")(folder, name, below)


def _follow_job(folder: Path, name: str, below: str) -> None:
    with report_errors():
        job = read_job(folder)
        if job is None or job.state != "running":
            st.rerun()
        nouns = {"features": "photo", "comparing": "comparison"}
        show_job(name, job, next((nouns[one] for one in nouns if one in job.phase), ""))
        if below:
            st.caption(below)


def show_making(analysis_id: str, name: str, start: Callable[[], None], *, below: str = "") -> None:
    """Draw the progress of a job, or why it failed; start it where it is not running."""
    folder = cache.workspace().analysis_folder(analysis_id)
    job = read_job(folder)
    if cache.workspace().read_only and (job is None or job.state != "running"):
        st.info(f"{name}: not computed yet. An editor must open this page once.")
        return
    if job is not None and job.state == "failed":
        show_problem(job.problem, job.remedy)
        if st.button("Try again", icon=":material/play_arrow:", key=f"job.{analysis_id}"):
            start()
            st.rerun()
        return
    if job is None or job.state != "running":  # not started, or its result was removed
        start()
    follow_job(folder, name, below)


def make_dataset(text: str, make: Callable[..., Dataset]) -> Dataset | None:
    """Return the dataset that `make` makes, with a progress bar; None after drawing its error."""
    bar = st.progress(0.0, text=text)

    def draw(phase: str, done: int, total: int) -> None:
        share = done / total if total else 0.0
        bar.progress(min(share, 1.0), text=f"{phase.capitalize()} …")

    try:
        return make(on_progress=draw)
    except PetalscopeError as error:
        bar.empty()
        show_problem(error.problem, error.remedy)
        return None


def show_job(name: str, job: JobStatus, noun: str = "") -> None:
    """Draw the progress of a job: phase, count and time left."""
    reached = " …"
    if job.total:
        # Only jobs over photos know the time left: other steps are few and unequal.
        left = f", {duration(job.seconds_left)} left" if job.seconds_left else ""
        total = count(job.total, noun) if noun else f"{job.total:,}"
        reached = f", {job.done:,} of {total}{left}"
        if job.phase.startswith("downloading"):  # counts bytes
            reached = f", {size(job.done)} of {size(job.total)}{left}"
    share = min(1.0, job.done / job.total) if job.total else 0.0
    st.progress(share, text=f"**{name}**: {plain(job.phase + reached)}")
