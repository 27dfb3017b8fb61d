"""A whole export: every format answers like the program, and check.py finds what does not."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.exporting.subject import FORMATS
from core.prediction.answers import phrase_decision
from core.registry.loading import open_version
from core.registry.store import ModelVersion
from core.workspace import Workspace, digest_file
from tests.exporting import run_python
from tests.unit.exporting.conftest import Export

pytestmark = pytest.mark.slow


def read_golden(folder: Path) -> dict:
    return json.loads((folder / "golden" / "golden.json").read_text(encoding="utf-8"))


def link_copy(folder: Path, copy: Path) -> Path:
    """Return a copy without the two largest formats; its files are links."""
    ignore = shutil.ignore_patterns("keras", "savedmodel")
    shutil.copytree(folder, copy, ignore=ignore, copy_function=os.link)
    return copy


@pytest.mark.parametrize("name", [*FORMATS, "space"])
def test_every_format_answers_like_the_program(export: Export, name: str) -> None:
    """check.py said so while the export was made: in a process that finds nothing of ours."""
    checked = export.said["checked"][name]
    assert checked["state"] == "right", checked
    assert checked["same_top"]
    assert 0 <= checked["difference"] < 1e-4


def test_golden_scores_are_those_of_page_and_api(
    export: Export, registered: tuple[Workspace, ModelVersion]
) -> None:
    workspace, version = registered
    predictor = open_version(workspace, version.number)
    golden = read_golden(export.folder)
    assert len(golden["photos"]) == 6  # all validation photos of the dataset
    assert {entry["class"] for entry in golden["photos"]} == set(version.classes)
    for entry in golden["photos"]:
        prediction = predictor.predict((export.folder / "golden" / entry["file"]).read_bytes())
        allowed = 1e-5 if predictor.backbone_facts.precision == "f32" else 2e-2
        np.testing.assert_allclose(prediction.scores, entry["scores"], atol=allowed)
        assert prediction.decision is not None
        assert entry["answer"] == [prediction.decision.kind, prediction.decision.top[0][0]]
        if allowed == 1e-5:
            assert entry["sentence"] == phrase_decision(prediction.decision)
    assert golden["program"]["same_top"]


def test_check_passes_where_nothing_of_ours_is_found(export: Export) -> None:
    done = run_python(export.folder, "check.py", "onnx", "litert", "openvino", "space")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("right") == 5
    nothing = run_python(export.folder, "-c", "import core, photo")
    assert "No module named 'core'" in nothing.stderr


def test_a_changed_byte_is_found(export: Export, tmp_path: Path) -> None:
    copy = link_copy(export.folder, tmp_path / "copy")
    network = copy / "openvino" / "model.bin"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.unlink()  # it is a link to the original
    network.write_bytes(content)
    done = run_python(copy, "check.py", "onnx")
    assert done.returncode == 1
    assert "openvino/model.bin was altered" in done.stdout
    assert "keras/model.keras is missing" in done.stdout


def test_a_model_that_answers_otherwise_is_found(export: Export, tmp_path: Path) -> None:
    copy = link_copy(export.folder, tmp_path / "copy")
    golden = read_golden(copy)
    for entry in golden["photos"]:
        entry["scores"] = entry["scores"][1:] + entry["scores"][:1]
    (copy / "golden" / "golden.json").unlink()
    (copy / "golden" / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    done = run_python(copy, "check.py", "onnx", "--json")
    (row,) = json.loads(done.stdout)["formats"]
    assert (done.returncode, row["state"], row["same_top"]) == (1, "wrong", False)
    assert row["problem"] == "the scores differ; another class is the highest"


def test_a_library_that_is_not_there_is_said(export: Export, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text(
        "raise ModuleNotFoundError('no', name='onnxruntime')", encoding="utf-8"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import check; check.main(['onnx'])"
    )
    done = run_python(export.folder, "-c", f"{script}; sys.exit(check.main(['onnx']))")
    assert "onnxruntime is not installed" in done.stdout
    assert done.returncode == 2


def test_the_readme_tells_code_that_runs(export: Export) -> None:
    readme = (export.folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .*\n)+", readme, re.M)
    code = [block for block in blocks if "docker" not in block and "python check" not in block]
    chosen = [block for block in code if not re.search("keras|tensorflow", block)]
    assert (len(code), len(chosen)) == (7, 5)
    lines = "".join(chosen).replace("\n    ", "\n").removeprefix("    ")
    done = run_python(export.folder, "-c", f"{lines}\nassert abs(scores.sum() - 1) < 1e-5")
    assert done.returncode == 0, done.stderr
    golden = read_golden(export.folder)["photos"][0]
    assert golden["answer"][0] == "unlike" or golden["sentence"] in done.stdout


def test_golden_photos_say_nothing_of_where_they_were_taken(export: Export) -> None:
    for file in (export.folder / "golden").glob("*.[jp]*g"):
        with Image.open(file) as image:
            assert not image.getexif()


def test_the_zip_says_what_it_holds(
    export: Export, registered: tuple[Workspace, ModelVersion]
) -> None:
    _, version = registered
    facts = json.loads((export.folder / "model.json").read_text(encoding="utf-8"))
    assert facts["classes"] == list(version.classes)
    assert facts["rule"]["threshold"] == 0.4
    assert facts["looks_for_unlike"]
    assert list(facts["formats"]) == list(FORMATS)
    assert all((export.folder / path).exists() for path in facts["formats"].values())
    labels = (export.folder / "labels.txt").read_text(encoding="utf-8").split()
    assert labels == list(version.classes)
    card = (export.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "below a score of 40 % it says that it does not know" in card
    assert export.said["sha256"] == digest_file(export.zip)
