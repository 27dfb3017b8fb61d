"""How fast this machine was: photos a second of each kind of work, as runs measured them.

speeds.json in the workspace: device → kind → the last few speeds. Estimates take their median, so
that one run on a busy machine does not spoil them. Losing the file loses nothing but estimates.
"""

import json
import statistics
from contextlib import suppress

from core.runs.locks import free_lock, wait_for_lock
from core.workspace import Workspace, write_atomically

KEPT = 5
"""Speeds kept of each kind."""

_Speeds = dict[str, dict[str, list[float]]]


def note_speed(workspace: Workspace, device_name: str, kind: str, per_second: float) -> None:
    """Returns nothing; the speed is kept for estimates.

    Any number of processes may call this at once. A disk that is full is no reason for a run to
    fail here: the speed is then not kept.

    Args:
        kind: "extracting", "activations" (photos a second), "head" (photos times epochs a second),
            "stages:1:float32" to "stages:5:mixed" (training photos a second).
        per_second: Left out when it is not above 0.
    """
    if not 0 < per_second < float("inf"):
        return
    with suppress(OSError):
        lock = wait_for_lock(workspace.speeds_file.with_suffix(".lock"))
        try:
            speeds = _read_all(workspace)
            kinds = speeds.setdefault(device_name, {})
            kinds[kind] = [*kinds.get(kind, []), round(per_second, 4)][-KEPT:]
            with write_atomically(workspace.speeds_file) as file:
                file.write_text(json.dumps(speeds, indent=1), encoding="utf-8")
        finally:
            free_lock(lock)


def read_speeds(workspace: Workspace, device_name: str) -> dict[str, float]:
    """Returns the median of the last speeds of each kind on the device, per second."""
    kinds = _read_all(workspace).get(device_name, {})
    return {kind: statistics.median(noted) for kind, noted in kinds.items() if noted}


def _read_all(workspace: Workspace) -> _Speeds:
    """Returns what the file says; nothing when it is missing or was altered."""
    try:
        content = json.loads(workspace.speeds_file.read_text(encoding="utf-8"))
        return {
            device: {kind: [float(one) for one in noted] for kind, noted in kinds.items()}
            for device, kinds in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
