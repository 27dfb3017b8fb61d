"""Does what is due, and ends: `python -m core.monitoring.due`, started by the scheduler.

A challenger whose run has ended is finished, and the rules are checked. It may be started at any
time: two at once do nothing twice.
"""

import logging

from core.errors import PetalscopeError, RetrainingRefused
from core.monitoring.kept_photos import sweep_kept_photos
from core.monitoring.retraining import settle_ended
from core.monitoring.retraining_state import hold_retraining, read_state
from core.runs.queue.scheduled import MONITORING, read_arrangement
from core.runs.queue.starting import ensure_scheduler
from core.workspace import Workspace, open_workspace

_log = logging.getLogger("due")


def main() -> None:
    """Do what is due; also where nothing is, or another process is at it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    workspace = open_workspace()
    _settle_retraining(workspace)
    sweep_kept_photos(workspace)
    if read_arrangement(workspace, MONITORING) is not None:
        _check_rules(workspace)


def _settle_retraining(workspace: Workspace) -> None:
    try:
        with hold_retraining(workspace):
            if settle_ended(workspace):
                last = read_state(workspace).last
                _log.info("%s", last.text if last else "A retraining that was cut short goes on.")
    except RetrainingRefused as error:  # another is at it
        _log.info("%s", error.problem)
        return
    if read_state(workspace).going is not None:
        ensure_scheduler(workspace)


def _check_rules(workspace: Workspace) -> None:
    from core.monitoring.readings import check_rules

    try:
        check_rules(workspace)
    except PetalscopeError as error:
        _log.warning("%s: %s %s", error.code, error.problem, error.remedy)
        return
    _log.info("The rules of monitoring were checked.")


if __name__ == "__main__":
    main()
