"""`retrain`: now, its state, and the answer to a challenger."""

import json

import pytest

from core.cli.entry import main
from core.registry.events import list_events
from core.registry.store import find_version, read_aliases
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scheduler is started by the command."""
    monkeypatch.setattr("core.cli.retraining.wake_scheduler", lambda _: None)


def read_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    main(["retrain", *words, "--json"])
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_now_trains_and_compares_to_the_end(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    ensure_scheduler(trained_copy)
    document = read_json(capsys)
    assert (document["champion"], document["version"]) == (1, 2)
    assert document["meeting"]["n"] == 6  # type: ignore[index]
    assert read_aliases(trained_copy) == {"champion": 1, "challenger": 2}
    kinds = [event.kind for event in list_events(trained_copy)]
    assert kinds.count("compared") == 1  # the scheduler did not finish it a second time
    assert main(["retrain"]) == 1
    assert "Nothing new was reviewed" in capsys.readouterr().err


@pytest.mark.usefixtures("asleep")
def test_status_says_what_goes_and_what_it_led_to(
    challenged: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "status"]) == 0
    text = capsys.readouterr().out
    assert "0 reviewed photos wait." in text
    assert "v2 challenges v1." in text and "95 % interval" in text
    document = read_json(capsys, "status")
    assert document["going"] is None and document["challenger"] == 2
    version = find_version(challenged, "champion")
    review_photos(challenged, version, draw_new_photos(2, first=400))
    assert main(["retrain", "now", "--no-wait"]) == 0
    assert "is queued" in capsys.readouterr().out
    going = read_json(capsys, "status")["going"]
    assert going["run"] == list_runs(challenged)[0].id  # type: ignore[index]


@pytest.mark.usefixtures("asleep")
def test_the_champion_is_kept_and_the_challenger_dropped(
    challenged: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "keep", "--reason", "  "]) == 1
    assert main(["retrain", "keep", "--reason", "no real gain"]) == 0
    assert "v1 goes on; v2 challenges it no more." in capsys.readouterr().out
    assert read_aliases(challenged) == {"champion": 1}
    assert main(["retrain", "keep", "--reason", "again"]) == 1
    assert main(["promote", "--list"]) == 0
    assert "v1 stays champion: v2 is no longer the challenger." in capsys.readouterr().out
