"""`register`, `promote` and `retrain`: the way of a version without a browser."""

import pytest

from core.cli import main
from core.prediction.deciding import DecisionRule, save_rule
from core.registry.events import list_events
from core.registry.store import find_version, read_aliases
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos
from tests.unit.cli.conftest import Answer


def test_register_promote_and_roll_back(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[-1].id
    assert answer("promote", "--list")["versions"] == []
    first = answer("register", "latest", "--name", "first")
    assert (first["new"], first["label"], first["run"]) == (True, "v1", run)
    assert not answer("register", run[:6])["new"]
    save_rule(trained_copy, run, DecisionRule(threshold=0.7))
    assert answer("register", run)["label"] == "v2"

    error = answer("promote", "v1", exit_code=1)["error"]
    assert error["code"] == "promotion_refused"
    assert answer("promote", "1", "--reason", "the first")["former"] is None
    error = answer("promote", "v2", "--reason", "its rule", exit_code=1)["error"]
    assert error["code"] == "promotion_refused"  # compared, and equal: it is the same head
    done = answer("promote", "v2", "--reason", "its rule", "--override")
    assert (done["former"], done["event"]["facts"]["override"]) == (1, True)
    assert read_aliases(trained_copy) == {"champion": 2}
    error = answer("promote", "v2", "--rollback", exit_code=1)["error"]
    assert "takes no version" in error["problem"]
    assert answer("promote", "--list", "--rollback", exit_code=1)["error"] == error
    assert read_aliases(trained_copy) == {"champion": 2}
    back = answer("promote", "--rollback", "--reason", "too strict")
    assert (back["version"], back["former"]) == (1, 2)

    listed = answer("promote", "--list")
    assert listed["aliases"] == {"champion": 1}
    assert [version["label"] for version in listed["versions"]] == ["v2", "v1"]
    kinds = [event["kind"] for event in listed["events"]]
    assert kinds == ["rolled_back", "promoted", "compared", "promoted", *2 * ["registered"]]
    assert main(["promote", "--list"]) == 0
    text = capsys.readouterr().out
    assert "champion" in text
    assert "“too strict” (command line)" in text


def test_without_a_version_it_says_which_ways_there_are(
    trained_copy: Workspace, answer: Answer
) -> None:
    assert trained_copy.root.exists()
    assert answer("promote", exit_code=1)["error"]["code"] == "promotion_refused"
    missing = answer("promote", "v9", "--reason", "x", exit_code=1)["error"]
    assert missing["code"] == "version_missing"


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scheduler is started by the command."""
    monkeypatch.setattr("core.cli.registry.wake_scheduler", lambda _: None)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_now_trains_and_compares_to_the_end(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    ensure_scheduler(trained_copy)
    document = answer("retrain")
    assert (document["champion"], document["version"]) == (1, 2)
    assert document["comparison"]["n"] == 6
    assert read_aliases(trained_copy) == {"champion": 1, "challenger": 2}
    kinds = [event.kind for event in list_events(trained_copy)]
    assert kinds.count("compared") == 1  # the scheduler did not finish it a second time
    assert main(["retrain"]) == 1
    assert "No photos were reviewed since" in capsys.readouterr().err


@pytest.mark.usefixtures("asleep")
def test_status_says_what_goes_and_what_it_led_to(
    challenged: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "status"]) == 0
    text = capsys.readouterr().out
    assert "0 reviewed photos not used yet." in text
    assert "v2 challenges v1." in text and "95 % interval" in text
    document = answer("retrain", "status")
    assert document["going"] is None and document["challenger"] == 2
    version = find_version(challenged, "champion")
    review_photos(challenged, version, draw_new_photos(2, first=400))
    assert main(["retrain", "now", "--no-wait"]) == 0
    assert "is queued" in capsys.readouterr().out
    going = answer("retrain", "status")["going"]
    assert going["run"] == list_runs(challenged)[0].id


@pytest.mark.usefixtures("asleep")
def test_the_champion_is_kept_and_the_challenger_dropped(
    challenged: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "keep", "--reason", "  "]) == 1
    assert main(["retrain", "keep", "--reason", "no real gain"]) == 0
    assert "v1 stays champion; v2 is no longer its challenger." in capsys.readouterr().out
    assert read_aliases(challenged) == {"champion": 1}
    assert main(["retrain", "keep", "--reason", "again"]) == 1
    assert main(["promote", "--list"]) == 0
    assert "v1 stays champion: v2 is no longer the challenger." in capsys.readouterr().out
