"""Show the events of a run as progress, in whatever process it trains."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from core.formats import duration, percent
from core.runs.queue.starting import start_missing_scheduler
from core.runs.run_files import read_events
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace

POLL_S = 0.2
_WAKE_EVERY_S = 2.0

PHASES: dict[str, str] = {
    "backbone": "preparing the backbone",
    "packing": "making photos square",
    "extracting": "computing features",
    "activations": "computing activations of the frozen stages",
    "training": "training",
    "scoring": "scoring all photos",
}


class ProgressShown(Protocol):
    """A line on a terminal, or a bar in a notebook."""

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show how much of a phase is done."""

    def note(self, text: str) -> None:
        """Show a line."""


def show_phase(
    progress: ProgressShown, phase: str, done: int, total: int, **facts: float | None
) -> None:
    """Show how much of a phase is done (0 of 0: it begins); `facts` as of `Preparation.tell`."""
    words = PHASES.get(phase, phase)
    if not total:
        if phase not in ("packing", "extracting", "activations"):  # their progress follows
            progress.note(words)
        return
    per_second, left = facts.get("per_second"), facts.get("seconds_left")
    rest = [f"{per_second:.0f} photos/s"] if per_second else []
    if left is not None and done < total:
        rest.append(f"{duration(left)} left")
    progress.advance(words, done, total, ", ".join(rest))


class RunFollower:
    """Shows new events of a run, each once."""

    def __init__(self, folder: Path, progress: ProgressShown, epochs: int) -> None:
        self._folder, self.progress, self._epochs = folder, progress, epochs
        _, self._offset = read_events(folder)

    def show_new_events(self) -> None:
        """Show the events since the last call."""
        events, self._offset = read_events(self._folder, self._offset)
        for event in events:
            self._show(event)

    def follow(
        self,
        workspace: Workspace,
        run: RunRecord,
        take_turn: Callable[[RunRecord], RunRecord | None] = lambda _: None,
    ) -> RunRecord:
        """Show events until the run has ended; Ctrl-C ends only the display.

        Args:
            take_turn: May train the run here; returns None if another process trains it.
        """
        looked = time.monotonic()
        while not run.has_ended:
            time.sleep(POLL_S)
            self.show_new_events()
            if time.monotonic() - looked > _WAKE_EVERY_S:
                looked = time.monotonic()
                start_missing_scheduler(workspace)  # the old one may have been killed
            run = take_turn(run) or read_run(workspace, run.id)
        self.show_new_events()
        return run

    def _show(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "phase":
                show_phase(self.progress, event["phase"], 0, 0)
            case "progress":
                facts = {name: event.get(name) for name in ("per_second", "seconds_left")}
                show_phase(self.progress, event["phase"], event["done"], event["total"], **facts)
            case "epoch":
                self.progress.note(_describe_epoch(event, self._epochs))
            case "lost":
                self.progress.note("the worker was lost; the run resumes from its last epoch")


def _describe_epoch(event: Mapping[str, Any], epochs: int) -> str:
    """Return loss and accuracy of an epoch; on training photos after it, or its running mean."""
    parts = [f"epoch {event['epoch']:>{len(str(epochs))}}/{epochs}"]
    measured = event.get("train_accuracy") is not None
    train = ("train", "train_") if measured else ("train (running mean)", "")
    for name, prefix in (train, ("validation", "val_")):
        loss, accuracy = event.get(f"{prefix}loss"), event.get(f"{prefix}accuracy")
        if loss is not None and accuracy is not None:
            parts.append(f"{name} loss {loss:.4f} accuracy {percent(accuracy, 1000)}")
    return "  ".join([*parts, duration(event["seconds"])])
