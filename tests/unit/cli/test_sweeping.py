"""`sweep` as a person meets it: through the queue, followed, opened again."""

import json

import pytest

from core.cli import main
from core.runs.store import list_runs, list_studies
from core.workspace import Workspace

QUICK = ("sweep", "latest", "--weights", "random", "--epochs", "2", "--trials", "3")


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_a_sweep_is_followed_and_opened_again(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*QUICK, "--vary", "dropout,learning-rate", "--json"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert "3 of 3" in err
    assert found["created_now"] and found["state"] == "done"
    plan = {"trials": 3, "vary": ["learning_rate", "dropout"], "seed": 0, "minutes": None}
    assert found["plan"] == plan
    accuracy = [trial["accuracy"] for trial in found["trials"]]
    assert len(accuracy) == 3 and accuracy == sorted(accuracy, reverse=True)
    assert {*found["trials"][0]["settings"]} == {"learning_rate", "dropout"}
    assert len(list_runs(trained_copy)) == 1
    assert [study.id for study in list_studies(trained_copy)] == [found["id"]]

    assert main([*arguments[:-1], "--top", "2"]) == 0
    text = capsys.readouterr().out
    assert "3 trials in" in text
    assert len([line for line in text.splitlines() if " 2/2 " in line]) <= 2


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--trials", "0", "1 to 300"),
        ("--epochs", "0", "1 to 1,000"),
        ("--minutes", "0", "1 to 2,880"),
    ],
)
def test_a_sweep_that_cannot_be_made_is_refused(
    trained_copy: Workspace,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    said: str,
) -> None:
    assert main([*QUICK, option, value]) == 1
    assert said in capsys.readouterr().err
    assert list_studies(trained_copy) == []
