"""`add-predictions`: what is not clear is asked, and the same predictions are added once."""

from pathlib import Path

import pytest

from core.cli import main
from core.workspace import Workspace
from data.importing import import_source
from tests.builders import write_class_folders
from tests.unit.cli.conftest import Answer

Capture = pytest.CaptureFixture[str]


def test_predictions_become_a_run_once(
    workspace: Workspace, tmp_path: Path, answer: Answer, capsys: Capture
) -> None:
    import_source(workspace, write_class_folders(tmp_path / "photos"), name="garden")
    photos = answer("datasets", "photos", "latest")["photos"]
    lines = [f"{one['path']},{one['class'].title()},0.9\n" for one in photos[1:]]
    file = tmp_path / "keras.csv"
    file.write_text("".join(["image,prediction,confidence\n", *lines, "gone.jpg,Cat,1\n"]))
    command = ("add-predictions", str(file), "--dataset", "latest")
    assert main([*command]) == 1
    err = capsys.readouterr().err
    assert (
        "Photos: “image”." in err
        and "1 row without a photo of the dataset, such as “gone.jpg”." in err
    )
    assert "--yes" in err and "is “" in err

    added = answer(*command, "--yes")
    assert added["is_new"] and added["name"] == "keras" and added["scored"] == "predicted"
    same = [f"--same={one['class'].title()}={one['class']}" for one in photos]
    again = answer(*command, *same, "--name", "other")
    assert not again["is_new"] and again["run"] == added["run"]
    assert answer("evaluate", added["run"])["accuracy"] == 1.0

    seen = answer("datasets", "photos", "latest", "--run", added["run"], "--open-test")["photos"]
    assert [one["score"] for one in seen] == pytest.approx([None, *[0.9] * (len(photos) - 1)])

    file.write_text("image,prediction,pred\n" + f"{photos[0]['path']},cat,cat\n")
    error = answer(*command, exit_code=1)["error"]
    assert error["code"] == "predictions_refused" and "--class-column" in error["remedy"]
    error = answer(*command, "--class-column", "pred", exit_code=1)["error"]
    assert "“cat”" in error["problem"] and "--same" in error["remedy"]
    with pytest.raises(SystemExit):
        main([*command, "--same", "cat"])
