"""What happens in a run, one JSON object a line in runs/<id>/events.jsonl.

Kinds: queued, phase, progress, epoch, lost, end (paused, too, is an end); each with its "time"
(seconds since 1970). Written by one process at a time, read by anyone from the last byte read. The
state of a run is in the database; a run that is tried again continues the same file.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.workspace import write_whole

EVENTS_FILE = "events.jsonl"


def append_event(folder: Path, event: Mapping[str, object]) -> None:
    """Write the event as one line, with its time, visible to readers when this returns."""
    line = json.dumps({"time": round(time.time(), 3), **event}, allow_nan=False).encode() + b"\n"
    # Unbuffered: one write call a line, so that a kill leaves whole lines or the start of one.
    with (folder / EVENTS_FILE).open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a worker was killed while it wrote
                line = b"\n" + line
        write_whole(file, line)


def read_events(folder: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the events after byte `offset`, and the offset to go on from.

    Only whole lines are read; a line cut short by a kill is skipped. No file yet: no events. A
    file shorter than `offset` was started afresh: it is read from its beginning.
    """
    try:
        with (folder / EVENTS_FILE).open("rb") as file:
            if os.fstat(file.fileno()).st_size < offset:
                offset = 0
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], 0
    whole = content[: content.rfind(b"\n") + 1]
    events = [event for line in whole.splitlines() if (event := _parse(line)) is not None]
    return events, offset + len(whole)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def curve(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry an epoch, sorted; of an epoch that was done twice, the later one."""
    epochs = {event["epoch"]: dict(event) for event in events if event.get("event") == "epoch"}
    return [epochs[epoch] for epoch in sorted(epochs)]


def latest_progress(events: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the progress of the phase that is going, or None when it has not reported any."""
    for event in reversed(events):
        if event.get("event") == "progress":
            return dict(event)
        if event.get("event") in ("phase", "queued", "end"):
            return None
    return None
