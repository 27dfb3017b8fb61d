"""Reports of a worker: events (curves), the database (lists) and its log.

Numbers that are not finite (a diverged loss) are reported as None, for JSON.
"""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runs.queue.run_lock import RunLock, record_epoch, record_phase
from core.runs.run_files import append_event, curve, read_events
from core.runs.store import Phase, RunRecord
from core.workspace import Workspace

PROGRESS_EVERY_S = 0.25

_log = logging.getLogger("run")


class RunReport:
    """Reports of one attempt at a run, with the `seconds` of each phase."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self._workspace = workspace
        self._run = run
        self._folder: Path = workspace.run_folder(run.id)
        self._phase: Phase = ""
        self._phase_since = time.perf_counter()
        self._next_progress = 0.0
        self._reported = {epoch["epoch"]: epoch for epoch in curve(read_events(self._folder)[0])}
        self.seconds: dict[str, float] = {}

    def begin_phase(self, phase: Phase, **facts: Any) -> None:
        """Begin a phase ("": none) and report it."""
        now = time.perf_counter()
        if self._phase:
            spent = now - self._phase_since + self.seconds.get(self._phase, 0.0)
            self.seconds[self._phase] = round(spent, 3)
        self._phase, self._phase_since, self._next_progress = phase, now, 0.0
        record_phase(self._workspace, self._run, phase, **facts)
        if phase:
            append_event(self._folder, {"event": "phase", "phase": phase})
            _log.info("%s %s", phase, " ".join(f"{key}={value}" for key, value in facts.items()))

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        """Report the progress of the phase, a few times a second."""
        now = time.perf_counter()
        if now < self._next_progress and done < total:
            return
        self._next_progress = now + PROGRESS_EVERY_S
        event = {"event": "progress", "phase": self._phase, "done": done, "total": total}
        append_event(self._folder, event | keep_finite(facts))

    def tell_epoch(self, epoch: Mapping[str, Any], best: Mapping[str, Any]) -> None:
        """Add the epoch to the curve and the best epoch to the list of runs.

        A resumed fit reports the epochs of its checkpoint again: only new ones are written.
        """
        event, best = keep_finite(epoch), keep_finite(best)
        known = self._reported.get(event["epoch"], {})
        if not event.items() <= known.items():
            append_event(self._folder, {"event": "epoch", **event})
            self._reported[event["epoch"]] = event
            _log.info("epoch %d of %d: %s", event["epoch"], self._run.recipe.epochs, _list(event))
        record_epoch(self._workspace, self._run, event["epoch"], best)

    def tell_step(self, done: int, total: int) -> None:
        """Report the finished photos of the current epoch."""
        epoch = max(self._reported, default=0) + 1
        self.tell_progress(done, total, epoch=epoch)

    def tell_end(self, state: str, **facts: object) -> None:
        """Report the end of the attempt."""
        append_event(self._folder, {"event": "end", "state": state, **facts})
        _log.info("%s %s", state, " ".join(f"{key}={value}" for key, value in facts.items()))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at a run by this worker."""

    workspace: Workspace
    run: RunRecord
    lock: RunLock
    report: RunReport
    part: str = ""
    """Folder of a trial inside the folder of the run."""

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
