"""A worker that helps from any machine: it trains waiting runs and does units of anybody's jobs.

`python -m core.workers.loop LANE`, as the command `worker` or a Ray actor starts it. It reaches the
database and either the folder of the workspace or its storage; what it lacks it fetches from there.
It keeps no knowledge of its own: killed at any moment, another does what it had.
"""

import argparse
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from core.errors import PetalscopeError, StorageFailed, WeightsDamaged, WeightsMissing
from core.prediction import storing
from core.registry.loading import open_named
from core.runs.carrying import fetch_run
from core.runs.database import wait_for_database
from core.runs.queue.queue import claim_next_run, mark_lost, read_active
from core.runs.queue.starting import python_command, python_environment
from core.runs.queue.units import (
    Job,
    Unit,
    claim_unit,
    hold_unit,
    list_jobs,
    release_units,
)
from core.runs.queue.workers import forget_worker, note_worker
from core.runs.store import RunRecord
from core.runs.training import by_units
from core.serving.figures import begin_journal
from core.sharing import open_sharing
from core.workspace import Workspace, open_workspace
from models.devices import find_device
from models.weights import find_weights

POLL_S = 0.5
_TELL_S = 5.0
_ASK_AGAIN_S = 30.0
"""What could not be joined is tried again then: weights may be here by now, say."""

_log = logging.getLogger("petalscope.worker")
Do = Callable[[Unit], None]


class Worker:
    """One lane of a machine that helps."""

    def __init__(self, workspace: Workspace, lane: str) -> None:
        self._workspace, self.lane = workspace, lane
        self._joined: dict[str, tuple[Do | None, float]] = {}
        """Job → what does its units, None where that is not to be had here, and since when."""
        self._looked: dict[str, tuple[bool, float]] = {}
        """Run whose turn it is → whether it can be trained here, and when that was asked."""
        self._done, self._told = 0, -float("inf")

    def begin(self) -> None:
        """Give back what this worker had when it was killed."""
        release_units(self._workspace, self.lane)

    def step(self) -> bool:
        """Return whether there was something to do, which is done."""
        self._tell_again("")
        return self._train_next() or any(map(self._do_unit, self._list_jobs()))

    def leave(self) -> None:
        """Say that this worker ends."""
        forget_worker(self._workspace, self.lane)

    def _tell_again(self, does: str) -> None:
        if time.monotonic() - self._told > _TELL_S:
            self._tell(does)

    def _tell(self, does: str, **facts: object) -> None:
        self._told = time.monotonic()
        about = {"device": find_device().name, "pid": os.getpid(), "done": self._done}
        note_worker(self._workspace, self.lane, does=does, **about, **facts)

    def _train_next(self) -> bool:
        turn = next((run for run in read_active(self._workspace) if not run.is_going), None)
        if turn is None or not self._can_train(turn):
            return False
        run = claim_next_run(self._workspace, turn.id, self.lane)
        if run is None:
            return False
        _log.info("run %s, attempt %d", run.id, run.attempt)
        try:
            fetch_run(self._workspace, run)
        except StorageFailed:
            mark_lost(self._workspace, run)  # home queues it again
            raise
        command = python_command("core.runs.worker", "--run", run.id, "--lane", self.lane)
        # In a session of its own: it goes on to its end when this process is ended.
        child = subprocess.Popen(
            command, env=python_environment(self._workspace), start_new_session=True
        )
        while child.poll() is None:
            self._tell_again("trains runs")
            time.sleep(POLL_S)
        if mark_lost(self._workspace, run):
            _log.warning("run %s lost its process", run.id)
        return True

    def _can_train(self, run: RunRecord) -> bool:
        """Return whether photos and weights of a run are to be had here; else others train it."""
        found, since = self._looked.get(run.id, (False, -float("inf")))
        if found or time.monotonic() - since < _ASK_AGAIN_S:
            return found
        sharing, recipe = open_sharing(self._workspace), run.recipe
        try:
            weights = find_weights(self._workspace, recipe.weights)
            found = weights.digest == recipe.weights_digest
        except (WeightsMissing, WeightsDamaged) as error:
            _log.warning("run %s: %s %s", run.id, error.problem, error.remedy)
        if found and sharing is not None:
            found = sharing.read_record(f"datasets/{recipe.dataset}") is not None
        self._looked = {run.id: (found, time.monotonic())}
        return found

    def _list_jobs(self) -> list[Job]:
        """Return the jobs that somebody waits for, those that fewest are at first."""
        jobs = [job for job in list_jobs(self._workspace) if job.is_wanted]
        wanted = {job.id for job in jobs}
        self._joined = {job: how for job, how in self._joined.items() if job in wanted}
        return sorted(jobs, key=lambda job: job.owners)

    def _do_unit(self, job: Job) -> bool:
        do = self._join(job)
        if do is None:
            return False
        last = job.facts.get("last", -1)
        unit = claim_unit(self._workspace, job.id, self.lane, last, waits=False)
        if unit is None:
            return False
        does = f"{job.kind}, part {unit.number + 1}"
        self._tell(does, job=job.id)
        start = time.perf_counter()
        try:
            with hold_unit(self._workspace, unit, self.lane, lambda: self._tell_again(does)):
                do(unit)
        except PetalscopeError:
            self._joined[job.id] = (None, time.monotonic())  # meanwhile others have their turn
            raise
        self._done += unit.size
        speed = unit.size / (time.perf_counter() - start)
        _log.info("job %s, part %d: %.1f photos/s", job.id, unit.number + 1, speed)
        self._tell("", job="", speed=speed)
        return True

    def _join(self, job: Job) -> Do | None:
        """Return what does units of a job; None where this machine cannot."""
        do, since = self._joined.get(job.id, (None, -float("inf")))
        if do is not None or time.monotonic() - since < _ASK_AGAIN_S:
            return do
        try:
            do = self._open(job)
        except PetalscopeError as error:
            _log.warning("job %s: %s %s", job.id, error.problem, error.remedy)
        self._joined[job.id] = (do, time.monotonic())
        return do

    def _open(self, job: Job) -> Do | None:
        if job.kind == by_units.KIND:
            return by_units.join_job(self._workspace, job)
        if job.kind == storing.KIND:
            predictor = open_named(self._workspace, job.facts["model"])
            return storing.join_job(self._workspace, job, predictor)
        return None


def work(worker: Worker, ended: threading.Event, idle_s: float = float("inf")) -> None:
    """Return when `ended` is set, or when there was nothing to do for so many seconds."""
    busy = time.monotonic()
    worker.begin()
    while not ended.is_set() and time.monotonic() - busy < idle_s:
        try:
            if worker.step():
                busy = time.monotonic()
                continue
        except (OperationalError, PetalscopeError) as error:  # it may come back
            _log.warning("%s: %s", type(error).__name__, " ".join(str(error).split())[:300])
        ended.wait(POLL_S)
    worker.leave()


def main() -> None:
    """Work until a signal says to end; what goes is given back when its lease ends."""
    parser = argparse.ArgumentParser(description="Does what waits, for a workspace.")
    parser.add_argument("lane", help="name of the machine and its lane, as lab/ or lab/1 gpu:0")
    lane = parser.parse_args().lane
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    begin_journal()
    wait_for_database()
    work(Worker(open_workspace(), lane), ended)


if __name__ == "__main__":
    main()
