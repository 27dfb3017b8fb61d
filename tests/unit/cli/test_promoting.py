"""`register` and `promote`: the way of a version without a browser."""

import json
from typing import Any

import pytest

from core.cli import main
from core.prediction.deciding import DecisionRule, save_rule
from core.registry.store import read_aliases
from core.runs.store import list_runs
from core.workspace import Workspace


def answer(capsys: pytest.CaptureFixture[str], *argv: str, exit_code: int = 0) -> Any:
    """Return the JSON document that a command prints."""
    capsys.readouterr()
    assert main([*argv, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


def test_register_promote_and_roll_back(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[-1].id
    assert answer(capsys, "promote", "--list")["versions"] == []
    first = answer(capsys, "register", "latest", "--name", "first")
    assert (first["new"], first["label"], first["run"]) == (True, "v1", run)
    assert not answer(capsys, "register", run[:6])["new"]
    save_rule(trained_copy, run, DecisionRule(threshold=0.7))
    assert answer(capsys, "register", run)["label"] == "v2"

    error = answer(capsys, "promote", "v1", exit_code=1)["error"]
    assert error["code"] == "promotion_refused"
    assert answer(capsys, "promote", "1", "--reason", "the first")["former"] is None
    error = answer(capsys, "promote", "v2", "--reason", "its rule", exit_code=1)["error"]
    assert error["code"] == "promotion_refused"  # compared, and equal: it is the same head
    done = answer(capsys, "promote", "v2", "--reason", "its rule", "--override")
    assert (done["former"], done["event"]["facts"]["override"]) == (1, True)
    assert read_aliases(trained_copy) == {"champion": 2}
    error = answer(capsys, "promote", "v2", "--rollback", exit_code=1)["error"]
    assert "takes no version" in error["problem"]
    assert read_aliases(trained_copy) == {"champion": 2}
    back = answer(capsys, "promote", "--rollback", "--reason", "too strict")
    assert (back["version"], back["former"]) == (1, 2)

    listed = answer(capsys, "promote", "--list")
    assert listed["aliases"] == {"champion": 1}
    assert [version["label"] for version in listed["versions"]] == ["v2", "v1"]
    kinds = [event["kind"] for event in listed["events"]]
    assert kinds == ["rolled_back", "promoted", "compared", "promoted", *2 * ["registered"]]
    assert main(["promote", "--list"]) == 0
    text = capsys.readouterr().out
    assert "champion" in text
    assert "“too strict” (command line)" in text


def test_without_a_version_it_says_which_ways_there_are(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained_copy.root.exists()
    assert answer(capsys, "promote", exit_code=1)["error"]["code"] == "promotion_refused"
    missing = answer(capsys, "promote", "v9", "--reason", "x", exit_code=1)["error"]
    assert missing["code"] == "version_missing"
    with pytest.raises(SystemExit):
        main(["promote", "--list", "--rollback"])
