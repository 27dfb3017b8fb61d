"""What was arranged is done: once, by one of however many processes, and after any kill."""

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from core.monitoring.due import do_due
from core.monitoring.retraining_state import describe_times, keep_times, read_state, read_times
from core.registry.events import list_events
from core.registry.store import read_aliases
from core.runs.locks import is_locked
from core.runs.queue.scheduled import RetrainingTimes, count_reviewed, wake_scheduler
from core.runs.scheduler import Scheduler
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.processes import PATIENCE_S, find_processes, run_at_once, wait_until
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos

LONG_AGO = datetime.now(UTC) - timedelta(days=10)
DAILY = RetrainingTimes(every_days=1, at="00:00", since=LONG_AGO)
SCHEDULER = "core.runs.scheduler"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scheduler is started: what is begun waits."""
    monkeypatch.setattr("core.monitoring.due.ensure_scheduler", lambda _: None)


def begin_of(workspace: Workspace) -> list[str]:
    """Return why retrainings were begun, the oldest first."""
    events = [event for event in list_events(workspace) if event.kind == "retraining"]
    return [event.facts["why"] for event in reversed(events)]


@pytest.mark.usefixtures("alone")
def test_enough_photos_begin_one_retraining(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    now = datetime.now(UTC)
    keep_times(trained_copy, RetrainingTimes(after_photos=3, since=now))
    review_photos(trained_copy, champion, draw_new_photos(2))
    assert do_due(trained_copy, now) == []
    review_photos(trained_copy, champion, draw_new_photos(1, first=200))
    assert len(do_due(trained_copy, now)) == 1
    assert do_due(trained_copy, now) == []
    assert begin_of(trained_copy) == ["photos"]
    assert len(list_runs(trained_copy)) == 2


@pytest.mark.usefixtures("alone")
def test_photos_of_other_models_begin_nothing_and_are_not_asked_of_again(
    trained_copy: Workspace,
) -> None:
    champion = let_first_run_answer(trained_copy)
    keep_times(trained_copy, RetrainingTimes(after_photos=2, since=LONG_AGO))
    review_photos(trained_copy, champion, draw_new_photos(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.monitoring.due.count_waiting", lambda _: 1)
        assert do_due(trained_copy, datetime.now(UTC)) == []
    assert read_state(trained_copy).photos == count_reviewed(trained_copy)[1]
    assert do_due(trained_copy, datetime.now(UTC)) == []  # as long as nothing else is reviewed
    assert len(list_runs(trained_copy)) == 1


@pytest.mark.usefixtures("alone")
def test_ten_missed_times_are_made_up_for_once(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    keep_times(trained_copy, DAILY)
    now = datetime.now(UTC)
    do_due(trained_copy, now)  # nothing is reviewed: it comes to nothing, and is told
    last = read_state(trained_copy).last
    assert last is not None and not last.went_well and "Nothing new" in last.text
    review_photos(trained_copy, champion, draw_new_photos(2))
    assert do_due(trained_copy, now) == []  # the next time is tomorrow
    assert len(do_due(trained_copy, now + timedelta(days=1))) == 1
    assert begin_of(trained_copy) == ["time"]


def test_a_plan_that_only_gets_a_number_of_photos_keeps_its_days(workspace: Workspace) -> None:
    keep_times(workspace, DAILY)
    now = datetime.now(UTC)
    changed = RetrainingTimes(after_photos=5, every_days=1, at="00:00", since=now)
    assert keep_times(workspace, changed).since == LONG_AGO
    assert read_times(workspace).after_photos == 5
    later = RetrainingTimes(every_days=2, at="00:00", since=now)
    assert keep_times(workspace, later).since == now
    assert "as soon as" not in describe_times(later, now)
    assert "every 2 days at 00:00 (UTC)" in describe_times(later, now)


@pytest.mark.usefixtures("alone")
def test_two_processes_at_once_begin_one(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    keep_times(trained_copy, RetrainingTimes(after_photos=2, since=LONG_AGO))
    review_photos(trained_copy, champion, draw_new_photos(2))
    code = """if True:
        import sys
        from datetime import UTC, datetime
        from core.monitoring import due
        from core.workspace import open_workspace
        due.ensure_scheduler = lambda _: None
        workspace = open_workspace()
        sys.stdin.readline()
        due.do_due(workspace, datetime.now(UTC))
    """
    run_at_once(code, 2)
    assert begin_of(trained_copy) == ["photos"]
    assert len(list_runs(trained_copy)) == 2


def test_the_scheduler_stays_while_something_is_arranged(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.scheduler.EXIT_AFTER_S", 0.0)
    idle = Scheduler(workspace)
    idle.step()
    assert idle.may_exit()
    keep_times(workspace, RetrainingTimes(after_photos=5, since=LONG_AGO))
    arranged = Scheduler(workspace)
    arranged.step()
    assert arranged.is_idle() and not arranged.may_exit()


def test_nothing_arranged_wakes_nobody(workspace: Workspace) -> None:
    wake_scheduler(workspace)
    assert not is_locked(workspace.scheduler_lock)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_by_itself_and_through_a_kill_a_challenger_meets_the_champion(
    trained_copy: Workspace,
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    keep_times(trained_copy, DAILY)
    wake_scheduler(trained_copy)
    wait_until(lambda: len(list_runs(trained_copy)) == 2, "a run is queued")
    [scheduler] = wait_until(lambda: find_processes(trained_copy, SCHEDULER), "one is at work")
    os.kill(scheduler.pid, signal.SIGKILL)
    scheduler.wait(PATIENCE_S)  # the lock may never be seen free: the errand wakes another at once
    wake_scheduler(trained_copy)  # as a page or the API does that is opened now
    wake_scheduler(trained_copy)
    wait_until(lambda: "challenger" in read_aliases(trained_copy), "there is a challenger")
    wait_until(lambda: read_state(trained_copy).going is None, "it is settled")
    assert len(find_processes(trained_copy, SCHEDULER)) == 1
    assert begin_of(trained_copy) == ["time"]
    kinds = [event.kind for event in list_events(trained_copy)]
    assert kinds.count("compared") == kinds.count("challenger") == 1
    assert len(list_runs(trained_copy)) == 2
