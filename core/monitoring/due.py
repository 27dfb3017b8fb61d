"""Does what is due, and ends: `python -m core.monitoring.due`, started by the scheduler.

A challenger whose run has ended is finished, one that is due begun, and the rules are checked. It
may be started at any time: two at once do nothing twice.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.errors import PetalscopeError, RetrainingRefused
from core.monitoring.kept_photos import sweep_kept_photos
from core.monitoring.retraining import begin, count_waiting, settle_ended
from core.monitoring.retraining_state import (
    Why,
    change_state,
    hold_retraining,
    read_state,
    read_times,
)
from core.runs.queue.scheduled import (
    MONITORING,
    count_reviewed,
    find_last_time,
    is_taken,
    read_arrangement,
)
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import RunRecord
from core.workspace import Workspace, open_workspace

_log = logging.getLogger("due")
_WHO = "scheduler"


def do_due(workspace: Workspace, now: datetime) -> list[str]:
    """Return what was done, in words; `now` has a time zone."""
    done: list[str] = []
    try:
        with hold_retraining(workspace):
            if settle_ended(workspace):
                last = read_state(workspace).last
                done.append(last.text if last else "A retraining that was cut short goes on.")
            run = begin_due(workspace, now)
    except RetrainingRefused as error:  # another is at it
        _log.info("%s", error.problem)
    else:
        done += [f"“{run.name}” ({run.id}) is queued."] if run else []
        if read_state(workspace).going is not None:
            ensure_scheduler(workspace)
    sweep_kept_photos(workspace)
    return done + _check_monitoring(workspace)


def begin_due(workspace: Workspace, now: datetime) -> RunRecord | None:
    """Return the run that was begun by plan, if one was due; for use inside `hold_retraining`.

    What it was due for counts as taken up, also where it comes to nothing.
    """
    times, state = read_times(workspace), read_state(workspace)
    if state.going is not None:
        return None
    last = find_last_time(times, now)
    photos, mark = count_reviewed(workspace)
    if last is not None and (state.time is None or not is_taken(state.time, last, now)):
        return _begin(workspace, "time", {"time": last, "photos": mark})
    if times.after_photos is None or photos < times.after_photos or mark == state.photos:
        return None
    if count_waiting(workspace) >= times.after_photos:
        return _begin(workspace, "photos", {"photos": mark})
    change_state(workspace, photos=mark)  # some are of other models: not asked again for these
    return None


def _begin(workspace: Workspace, why: Why, taken: Mapping[str, Any]) -> RunRecord | None:
    try:
        return begin(workspace, who=_WHO, why=why, taken=taken)
    except PetalscopeError as error:  # it stands in the state, for the page to tell
        _log.warning("%s: %s %s", error.code, error.problem, error.remedy)
        return None


def _check_monitoring(workspace: Workspace) -> list[str]:
    if read_arrangement(workspace, MONITORING) is None:
        return []
    from core.monitoring.readings import check_rules

    try:
        check_rules(workspace)
    except PetalscopeError as error:
        _log.warning("%s: %s %s", error.code, error.problem, error.remedy)
        return [f"The rules could not be checked: {error.problem}"]
    return ["The rules of monitoring were checked."]


def main() -> int:
    """Return the exit status: 0, also when nothing was due or another process is at it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for words in do_due(open_workspace(), datetime.now(UTC)):
        _log.info("%s", words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
