"""What a worker says while it trains: to the events (curves), the database (lists) and its log.

One `RunReport` for each attempt. Numbers that are not finite (a diverged loss) are reported as
None: JSON has no word for them.
"""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runs.queue.run_lock import RunLock, record_epoch, record_phase
from core.runs.queue.speeds import PER_PHOTO, Work, note_speed
from core.runs.run_files import append_event, curve, read_events
from core.runs.store import Phase, RunRecord
from core.workspace import Workspace
from models.devices import find_device

PROGRESS_EVERY_S = 0.25

_log = logging.getLogger("run")


class RunReport:
    """Reports of one attempt at a run; `seconds` says how long each phase took."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self._workspace = workspace
        self._run = run
        self._folder: Path = workspace.run_folder(run.id)
        self._phase: Phase = ""
        self._phase_since = time.perf_counter()
        self._next_progress = 0.0
        self._watch = Stopwatch()
        self._told = {epoch["epoch"]: epoch for epoch in curve(read_events(self._folder)[0])}
        self.seconds: dict[str, float] = {}

    def begin_phase(self, phase: Phase, **facts: Any) -> None:
        """Say that the run is in this phase from now on ("": in none)."""
        now = time.perf_counter()
        if self._phase:
            spent = now - self._phase_since + self.seconds.get(self._phase, 0.0)
            self.seconds[self._phase] = round(spent, 3)
        if self._phase in ("packing", "extracting", "activations"):
            self.note_speed(self._phase)
        self._watch = Stopwatch()
        self._phase, self._phase_since, self._next_progress = phase, now, 0.0
        record_phase(self._workspace, self._run, phase, **facts)
        if phase:
            append_event(self._folder, {"event": "phase", "phase": phase})
            _log.info("%s %s", phase, " ".join(f"{key}={value}" for key, value in facts.items()))

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        """Say how much of the phase is done, a few times a second."""
        now = time.perf_counter()
        if now < self._next_progress and done < total:
            return
        self._next_progress = now + PROGRESS_EVERY_S
        if per_second := facts.get("per_second"):
            self._watch.press(per_second=per_second)
        event = {"event": "progress", "phase": self._phase, "done": done, "total": total}
        append_event(self._folder, event | keep_finite(facts))

    def tell_epoch(self, epoch: Mapping[str, Any], best: Mapping[str, Any]) -> None:
        """Add the epoch to the curve, and put the best so far into the list of runs.

        A fit that is resumed tells the epochs of its checkpoint again: only what is new is written.
        """
        event, best = keep_finite(epoch), keep_finite(best)
        self.count_epoch(event["seconds"])
        if not self._is_told(event):
            append_event(self._folder, {"event": "epoch", **event})
            self._told[event["epoch"]] = event
            _log.info("epoch %d of %d: %s", event["epoch"], self._run.recipe.epochs, _list(event))
        record_epoch(self._workspace, self._run, event["epoch"], best)

    def tell_step(self, done: int, total: int) -> None:
        """Say how many photos of the running epoch are done."""
        epoch = max(self._told, default=0) + 1
        self.tell_progress(done, total, epoch=epoch)

    def count_epoch(self, seconds: float) -> None:
        """Measure an epoch that took so long; one of a checkpoint, which is told again, is none."""
        self._watch.press(at_least=seconds / 2)

    def note_speed(self, kind: str, photos: float = 0.0) -> None:
        """Keep what the epochs took so far, of so many photos each, for estimates."""
        work = self._watch.read(photos)
        self._watch = Stopwatch()
        device = find_device()
        if device.kind == "gpu":
            work = work._replace(cpu_seconds=None)
        if kind not in PER_PHOTO:
            work = work._replace(photos=work.photos * self._run.recipe.seen_as.work)
        note_speed(self._workspace, device.name, kind, work)

    def tell_end(self, state: str, **facts: object) -> None:
        """Say that the attempt is over."""
        append_event(self._folder, {"event": "end", "state": state, **facts})
        _log.info("%s %s", state, " ".join(f"{key}={value}" for key, value in facts.items()))

    def _is_told(self, event: Mapping[str, Any]) -> bool:
        told = self._told.get(event["epoch"], {})
        return all(key in told and told[key] == value for key, value in event.items())


class Stopwatch:
    """What the rounds of one kind of work took: time and processor time between presses."""

    def __init__(self) -> None:
        self._rounds = 0
        self._photos = self._seconds = self._cpu_seconds = 0.0
        self._last: tuple[float, float] | None = None

    def press(self, per_second: float = 0.0, at_least: float = 0.0) -> None:
        """End a round, in which photos went at this speed; the first press begins one.

        What comes before it is left out: networks are compiled then. So is a round that is shorter
        than `at_least`, in seconds.
        """
        now = time.perf_counter(), time.process_time()
        if self._last is not None and (seconds := now[0] - self._last[0]) >= at_least:
            self._rounds += 1
            self._photos += per_second * seconds
            self._seconds += seconds
            self._cpu_seconds += now[1] - self._last[1]
        self._last = now

    def read(self, photos: float = 0.0) -> Work:
        """Return what the rounds took, of this many photos each (0: as the presses said)."""
        return Work(photos * self._rounds or self._photos, self._seconds, self._cpu_seconds)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a run by this worker: the run, its lock, and its report."""

    workspace: Workspace
    run: RunRecord
    lock: RunLock
    report: RunReport
    part: str = ""
    """Folder inside that of the run: a trial that keeps checkpoints has one."""

    @property
    def folder(self) -> Path:
        return self.workspace.run_folder(self.run.id) / self.part


def keep_finite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with None for each number that is not finite."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in numbers.items()
    }


def _list(epoch: Mapping[str, Any]) -> str:
    """Return the numbers of an epoch for the log."""
    numbers = ((key, value) for key, value in epoch.items() if key != "epoch")
    return ", ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in numbers
    )
