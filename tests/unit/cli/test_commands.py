"""Each command gives its result on stdout, as text or JSON, and says errors with exit code 1."""

import os
import subprocess
import sys

import pytest

from core.cli import main
from core.cli.command import COMMANDS
from core.cli.runs import runs
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.unit.cli.conftest import Answer


@pytest.fixture
def trained(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The trained workspace, which the settings point to. Only read it."""
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return trained_workspace


@pytest.mark.parametrize("command", [*COMMANDS, *(f"runs {action}" for action in runs.actions)])
def test_every_help_has_an_example(command: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"example: python -m core {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("plant", "invalid choice: 'plant'"),
        ("evaluate", "the following arguments are required: RUN"),
        ("import x --source cupboard", "argument --source: invalid choice"),
        ("sweep latest --vary colour", "unknown: colour"),
        ("train latest --epo x", "argument --epochs: invalid int value: 'x'"),  # abbreviated
        ("train latest --h 8", "ambiguous option: --h could match --help, --hidden, --head-epochs"),
        ("train latest --weights none", "argument --weights: invalid choice: 'none'"),
        ("train latest --plant", "unrecognized arguments: --plant"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(argv: str, said: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv.split())
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "usage: python -m core" in err and said in err


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("command", ["datasets", "serve"])
def test_a_setting_that_is_refused_is_said(command: str, monkeypatch, answer: Answer) -> None:
    monkeypatch.setenv("PETALSCOPE_API_QUEUE", "many")
    error = answer(command, exit_code=1)["error"]
    assert error["code"] == "setting_refused" and "PETALSCOPE_API_QUEUE" in error["problem"]


@pytest.mark.usefixtures("workspace")
def test_a_source_that_is_not_there_is_an_error_with_a_remedy(tmp_path, capsys, answer: Answer):
    assert main(["import", str(tmp_path / "nowhere")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "nowhere" in err
    error = answer("import", str(tmp_path / "nowhere"), exit_code=1)["error"]
    assert error["code"] == "source_refused"
    assert error["remedy"]


@pytest.mark.usefixtures("workspace")
def test_an_empty_workspace_says_how_to_begin(capsys, answer: Answer):
    assert main(["datasets"]) == main(["runs"]) == 0
    out = capsys.readouterr().out
    assert "python -m core import sample" in out
    assert "python -m core train latest" in out
    assert answer("runs") == {"runs": []}
    assert answer("train", "latest", exit_code=1)["error"]["code"] == "dataset_missing"


@pytest.mark.usefixtures("workspace")
def test_weights_that_are_not_there_are_an_error(tmp_path, monkeypatch, answer: Answer):
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(tmp_path / "none.h5"))
    assert answer("weights", exit_code=1)["error"]["code"] == "weights_missing"


@pytest.mark.usefixtures("workspace")
def test_weights_that_can_be_had_are_listed(monkeypatch, answer: Answer):
    monkeypatch.delenv("PETALSCOPE_WEIGHTS", raising=False)
    listed = {one["name"]: one for one in answer("weights", "list")["weights"]}
    assert listed["random"]["here"]
    assert list(listed) == ["pretrained", "starter", "random"]
    assert listed["pretrained"]["licence"] == "MIT"


@pytest.mark.usefixtures("trained")
def test_runs_lists_what_was_reached(capsys, answer: Answer):
    (run,) = answer("runs")["runs"]
    assert run["state"] == "done"
    assert run["recipe"]["weights"] == "random"
    assert 0 <= run["best_val_accuracy"] <= 1
    assert main(["runs", "list", "three flowers"]) == 0
    assert run["id"] in capsys.readouterr().out


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.usefixtures("trained")
def test_evaluate_counts_every_photo_of_the_split(split, answer: Answer):
    found = answer("evaluate", "latest", "--split", split)
    counts = found["confusion"]["counts"]
    assert sum(map(sum, counts)) == found["n"] > 0
    hits = sum(row[number] for number, row in enumerate(counts))
    assert found["accuracy"] == pytest.approx(hits / found["n"])
    assert found["accuracy_low"] <= found["accuracy"] <= found["accuracy_high"]
    assert [row["class"] for row in found["per_class"]] == ["daisy", "rose", "tulip"]
    assert [row["support"] for row in found["per_class"]] == [sum(row) for row in counts]
    errors = sum(pair["count"] for pair in found["most_confused"])
    assert errors == found["n"] - hits


@pytest.mark.usefixtures("trained")
def test_predict_goes_on_after_a_bad_photo(tmp_path, answer: Answer):
    good, bad, missing = (tmp_path / name for name in ("good.png", "bad.jpg", "missing.jpg"))
    good.write_bytes(encode_photo(draw_photo(1, 99), "PNG"))
    bad.write_bytes(encode_photo(draw_photo(1, 99))[:400])
    photos = [str(path) for path in (bad, missing, good)]
    found = answer("predict", "latest", "--no-log", *photos, exit_code=1)["items"]
    assert [photo["name"] for photo in found] == photos
    assert [photo["error"]["code"] for photo in found[:2]] == ["photo_unreadable"] * 2
    seen = found[2]["answer"]
    scores = [place["score"] for place in seen["top"]]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-4)
    assert (seen["photo"]["width"], seen["photo"]["height"]) == (96, 80)


def test_predict_answers_in_words(trained, tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encode_photo(draw_photo(0, 99)))
    assert main(["predict", "latest", "--no-log", str(photo)]) == 0
    out = capsys.readouterr().out
    assert str(photo) in out
    assert all(name in out for name in ("daisy", "rose", "tulip"))
    assert list_runs(trained)[0].id in out


@pytest.mark.usefixtures("trained")
def test_a_reader_who_has_had_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "core", "runs", "--json"]
    with os.fdopen(write, "wb") as closed:
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert ended.stderr == b""
    assert ended.returncode == 0
