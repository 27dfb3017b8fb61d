"""The scheduler finishes a retraining once, and after any kill."""

import os
import signal

import pytest

from core.monitoring.retraining import read_state, start_retraining
from core.registry.events import list_events
from core.registry.store import read_aliases
from core.runs.locks import is_locked
from core.runs.queue.scheduled import DueWork, wake_scheduler
from core.runs.scheduler import Scheduler
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.processes import PATIENCE_S, find_processes, wait_until
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos

SCHEDULER = "core.runs.scheduler"


def test_the_scheduler_stays_while_rules_are_to_be_checked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.scheduler.EXIT_AFTER_S", 0.0)
    idle = Scheduler(workspace)
    idle.step()
    assert idle.may_exit()
    monkeypatch.setenv("PETALSCOPE_CHECK_RULES_MINUTES", "60")
    monkeypatch.setattr(DueWork, "_is_check_due", lambda *_: False)  # no process is started
    watching = Scheduler(workspace)
    watching.step()
    assert watching.is_idle() and not watching.may_exit()


def test_without_work_no_scheduler_is_started(workspace: Workspace) -> None:
    wake_scheduler(workspace)
    assert not is_locked(workspace.scheduler_lock)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_through_a_kill_a_challenger_meets_the_champion(
    trained_copy: Workspace,
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    start_retraining(trained_copy)
    wake_scheduler(trained_copy)
    [scheduler] = wait_until(lambda: find_processes(trained_copy, SCHEDULER), "one is at work")
    os.kill(scheduler.pid, signal.SIGKILL)
    scheduler.wait(PATIENCE_S)  # the lock may never be seen free: the errand wakes another at once
    wake_scheduler(trained_copy)  # as a page or the API does that is opened now
    wake_scheduler(trained_copy)
    wait_until(lambda: "challenger" in read_aliases(trained_copy), "there is a challenger")
    wait_until(lambda: read_state(trained_copy).going is None, "it is settled")
    assert len(find_processes(trained_copy, SCHEDULER)) == 1
    kinds = [event.kind for event in list_events(trained_copy)]
    assert kinds.count("compared") == kinds.count("challenger") == 1
    assert len(list_runs(trained_copy)) == 2
