"""When each champion answered: spans of time, read from the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.registry.events import ModelEvent


@dataclass(frozen=True, kw_only=True)
class Reign:
    """One span in which a version was the champion."""

    version: int
    start: datetime
    end: datetime
    """Now, for the one that answers."""
    is_going: bool
    reason: str


def list_reigns(events: Sequence[ModelEvent], now: datetime | None = None) -> list[Reign]:
    """Returns who was champion when, the first at the beginning.

    Args:
        events: Of any kind, newest first, as `list_events` returns them.
        now: Where the last one ends; default: this moment.
    """
    turns = [
        (event.version, event.time, event.reason)
        for event in reversed(events)
        if event.kind in ("promoted", "rolled_back") and event.version is not None
    ]
    if not turns:
        return []
    ends = [start for _, start, _ in turns[1:]] + [now or datetime.now(UTC)]
    return [
        Reign(version=version, start=start, end=end, is_going=number == len(turns), reason=reason)
        for number, ((version, start, reason), end) in enumerate(zip(turns, ends, strict=True), 1)
    ]
