"""The measurements run through on a tiny dataset and name what they measured; no timed asserts."""

import io
import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.runs.recipe.strategies import STRATEGIES
from core.workspace import Workspace
from tests.bench.__main__ import main
from tests.bench.measuring import (
    Figure,
    _import_and_call,
    attempt,
    call_in_child,
    watch_memory,
)
from tests.bench.predict import draw_jpeg
from tests.builders import write_class_folders
from tests.small_resnet import use_small_resnet

REFERENCES = {
    "extract": {"bare OpenVINO, synthetic photos in memory", "Keras predict, photos in memory"},
    "train": {
        "ours, the first head",
        "ours, another head",
        "ours, the first head on 4 views",
        "ours, the first head without augmentation",
        "ours, last stage, an epoch in float32",
    },
    "predict": {
        f"{name}, no decoding, p{percent}"
        for name in ("bare OpenVINO", "Keras predict")
        for percent in (50, 95)
    },
    "gpu": set(),  # the reference is PyTorch, which is not installed
}
ON_SMALL = {"train", "gpu"}
"""Train stages: both ways trace their steps."""
WHERE_NATIVE = "ours, last stage, an epoch in mixed"  # on processors that compute bfloat16
FEW = {
    "extract": ["--weights", "random", "--photos", "20", "--keras-photos", "8"],
    "train": ["--weights", "random", "--photos", "24", "--epochs", "2"],
    "gpu": ["--weights", "random", "--photos", "20", "--epochs", "2", "--backend", "tensorflow"],
    "predict": ["--repeats", "2"],
}


def call_on_small(*what: Any) -> Any:
    """Call a function as a child does, on the small network."""
    use_small_resnet()
    return _import_and_call(*what)


def list_files(workspace: Workspace) -> set[str]:
    return {
        str(path.relative_to(workspace.root))
        for folder in (workspace.features, workspace.backbones, workspace.temporary)
        for path in folder.rglob("*")
        if not path.name.endswith(".lock")
    }


@pytest.fixture
def forked_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are forked from one process that has imported Keras, not started from nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.bench.plain_keras", "models.fitting"])
    monkeypatch.setattr("tests.bench.measuring.multiprocessing.get_context", lambda _: context)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_children")
@pytest.mark.parametrize("kind", FEW)
def test_ours_is_beside_references_and_leaves_nothing(
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu")
    few = {name: STRATEGIES[name] for name in ("head", "last_stage")}
    monkeypatch.setattr("tests.bench.gpu.STRATEGIES", few)  # the others take as long again
    if kind in ON_SMALL:
        monkeypatch.setattr("tests.bench.measuring._import_and_call", call_on_small)
    workspace = request.getfixturevalue("trained_copy" if kind in ON_SMALL else "resnet_copy")
    before = list_files(workspace)
    assert main([kind, "latest", *FEW[kind], "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert all(figure["value"] > 0 for figure in report["figures"])
    compared = {figure["name"] for figure in report["figures"] if figure["our_speed"] is not None}
    assert compared - {WHERE_NATIVE} == REFERENCES[kind]
    assert report["circumstances"]["weights"] == "random"
    assert list_files(workspace) == before


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("trained_copy")
def test_pages_are_measured_in_a_browser(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "predict", "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    assert "predict: rerun p95" in out and "overview: rerun" not in out
    assert "headless Chromium" in out
    assert out.count("× an empty page") == 1
    assert "ours is" not in out


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("argv", "said"),
    [("page gallery", "no page gallery"), ("peers --only wall,floor", "no part floor.")],
)
def test_what_is_not_there_is_named(
    argv: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv.split()) == 1
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_without_a_gpu_nothing_is_measured_and_why_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PETALSCOPE_DEVICE", raising=False)  # “cpu” rehearses
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert main(["gpu"]) == 1
    said = capsys.readouterr().err
    assert "tensorflow: CUDA_VISIBLE_DEVICES hides every GPU" in said
    assert "Nothing was measured" in said


def fill_memory() -> int:
    """Return by how many bytes a block of 200 MB was seen to fill this process."""
    with watch_memory() as memory:
        block = np.ones(200_000_000, np.uint8)
    assert block.all()
    return memory.peak - memory.before


def test_memory_is_seen_at_its_highest() -> None:
    # In a fresh process: what another test holds may be let go meanwhile, and hide half of it.
    assert call_in_child("tests.bench.test_bench", "fill_memory") > 0.9 * 200_000_000


def test_the_drawn_photo_is_a_jpeg_with_detail() -> None:
    content = draw_jpeg((400, 300))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (400, 300))
    assert len(content) > 400 * 300 / 10


@pytest.mark.slow
def test_peers_that_fail_are_lines_beside_the_others(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    monkeypatch.setattr("tests.bench.peers._ENVIRONMENT", nowhere / "studio")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(tmp_path / "missing.h5"))
    photos = write_class_folders(tmp_path / "photos", photos_per_class=4)
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", photos)
    assert (
        main(["peers", archive, "--only", "first-run,import", "--weights", "pretrained", "--json"])
        == 0
    )
    first_run, imported = json.loads(capsys.readouterr().out)["figures"]
    assert imported["value"] > 0.1
    assert imported["note"].startswith("LightlyStudio: cannot be installed: ")
    assert first_run["name"] == "first-run" and "missing.h5" in first_run["note"]
    assert not list(workspace.temporary.iterdir())


def test_a_backend_that_fails_is_a_line_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> list[Figure]:
        raise MemoryError("no room")

    (figure,) = attempt("torch: full", fail)
    assert (figure.value, figure.note) == (0, "failed: MemoryError: no room")
    assert "no room" in capsys.readouterr().err  # at once: a later part may be cut off


@pytest.mark.slow
@pytest.mark.usefixtures("trained_copy")
def test_after_its_minutes_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu")
    assert main(["gpu", "latest", *FEW["gpu"], "--minutes", "0", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert len(figures) > 5
    assert {figure["note"] for figure in figures} == {"not begun: the time was over"}
