"""`runs`: what people do with runs on a command line, without training anything."""

import dataclasses

import pytest

from core.cli import main
from core.runs.queue.queue import submit_run
from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.runs.store import list_runs, read_run
from core.workspace import Workspace
from tests.unit.cli.conftest import Answer

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)


@pytest.fixture
def home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace in which no scheduler is started."""
    for starts in ("ensure_scheduler", "wake_scheduler"):
        monkeypatch.setattr(f"core.cli.runs.{starts}", lambda _: None)
    return workspace


def test_the_list_wakes_a_scheduler_for_a_run_that_waits(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Workspace] = []
    monkeypatch.setattr("core.runs.queue.scheduled.start_missing_scheduler", woken.append)
    assert main(["runs"]) == 0
    assert woken == []
    submit_run(workspace, RECIPE)
    assert main(["runs"]) == 0
    assert woken == [workspace]


def test_several_runs_are_paused_and_resumed_at_once(
    home: Workspace, answer: Answer, capsys
) -> None:
    first, _ = submit_run(home, RECIPE, "one")
    second, _ = submit_run(home, dataclasses.replace(RECIPE, seed=1), "two")
    paused = answer("runs", "pause", "one", second.id[:8])["runs"]
    assert [(run["id"], run["state"]) for run in paused] == [
        (first.id, "paused"),
        (second.id, "paused"),
    ]
    assert main(["runs", "resume", "latest"]) == 0
    assert f"“two” ({second.id}): queued, position 1" in capsys.readouterr().out
    assert read_run(home, first.id).state == "paused"
    stopped = answer("runs", "stop", "two", "--after-epoch")["runs"][0]
    assert (stopped["state"], stopped["error_code"]) == ("failed", "run_stopped")
    assert answer("runs", "retry", "two")["runs"][0]["state"] == "queued"


def test_names_notes_and_tags_are_written_and_listed(
    home: Workspace, answer: Answer, capsys
) -> None:
    run, _ = submit_run(home, RECIPE)
    answer("runs", "rename", "latest", "baseline")
    answer("runs", "tag", "baseline", "course", "A")
    found = answer("runs", "note", "baseline", "the first of all")["runs"][0]
    assert (found["id"], found["name"], found["notes"]) == (run.id, "baseline", "the first of all")
    assert found["tags"] == ["A", "course"]
    assert main(["runs"]) == 0
    assert "A, course" in capsys.readouterr().out
    assert answer("runs", "tag", "baseline")["runs"][0]["tags"] == []


def test_a_run_is_extended_and_deleted(home: Workspace, answer: Answer) -> None:
    run, _ = submit_run(home, RECIPE, "short")
    longer = answer("runs", "extend", "short", "--epochs", "5")["runs"][0]
    assert longer["recipe"]["epochs"] == 15 and "from epoch 1" in longer["notes"]
    other, _ = submit_run(home, dataclasses.replace(RECIPE, seed=1), "wide")
    assert answer("runs", "delete", "short", "wide")["deleted"] == [run.id, other.id]
    assert [run.id for run in list_runs(home)] == [longer["id"]]
    missing = answer("runs", "delete", "short", exit_code=1)
    assert missing["error"]["code"] == "run_missing"


def test_sweeps_can_be_stopped_too(home: Workspace, answer: Answer) -> None:
    submit_run(home, RECIPE, "a sweep", plan=SweepPlan(trials=3))
    stopped = answer("runs", "stop", "a sweep")["runs"][0]
    assert stopped["state"] == "failed" and stopped["plan"]["kind"] == "sweep"
