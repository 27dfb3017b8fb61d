"""Finish retrainings and check the rules: `python -m core.monitoring.due`, for the scheduler.

It may start at any time, even twice at once.
"""

import logging

from core.errors import PetalscopeError, RetrainingRefused
from core.monitoring.kept_photos import sweep_kept_photos
from core.monitoring.readings import check_rules
from core.monitoring.retraining import hold_retraining, read_state, settle_ended
from core.runs.queue.scheduled import read_check_minutes
from core.runs.queue.starting import ensure_scheduler
from core.workspace import Workspace, open_workspace

_log = logging.getLogger("due")


def main() -> None:
    """Finish an ended retraining, sweep stored photos, check the rules."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    workspace = open_workspace()
    _settle_retraining(workspace)
    sweep_kept_photos(workspace)
    if not read_check_minutes(workspace):
        return
    try:
        check_rules(workspace)
        _log.info("rules checked")
    except PetalscopeError as error:
        _log.warning("%s: %s %s", error.code, error.problem, error.remedy)


def _settle_retraining(workspace: Workspace) -> None:
    try:
        with hold_retraining(workspace):
            if settle_ended(workspace):
                last = read_state(workspace).last
                _log.info("%s", last.text if last else "")
    except RetrainingRefused as error:  # another process is at work
        _log.info("%s", error.problem)
        return
    if read_state(workspace).going is not None:
        ensure_scheduler(workspace)


if __name__ == "__main__":
    main()
