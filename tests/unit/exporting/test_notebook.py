"""A notebook of plain Keras: it says all that a run rests on, and trains the run again."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from core.__main__ import main
from core.errors import NetworkUnsupported
from core.exporting.notebook import (
    describe_recipe,
    describe_run,
    render_cells,
    write_augmenting,
    write_notebook,
)
from core.runs.result import read_result
from core.runs.store import RunRecord, list_runs
from core.workspace import PROJECT_ROOT, Workspace, digest_once
from data.augmentation import augment
from data.manifest import read_dataset
from data.policy import PRESETS
from tests import small_resnet
from tests.builders import draw_photo

STARTER = PROJECT_ROOT / "models/starter/starter.safetensors"
VARIANTS: dict[str, dict[str, Any]] = {
    "head on views": {
        **{"augmentation": PRESETS["gentle"], "views": 2, "hidden": (16, 8)},
        **{"optimizer": "sgd", "weight_decay": 1e-4, "schedule": "plateau", "framing": "pad"},
    },
    "last stage": {
        **{"strategy": "last_stage", "optimizer": "adamw", "schedule": "cosine"},
        **{"warmup_epochs": 1, "class_weights": True, "mixup": 0.2, "label_smoothing": 0.1},
        **{"augmentation": PRESETS["randaugment"], "views": 2, "epochs": 2},
    },
    "full": {"strategy": "full", "epochs": 1, "schedule": "cosine", "standardise": False},
    "two phases": {
        **{"strategy": "two_phases", "unfrozen": 2, "epochs": 3, "head_epochs": 2, "patience": 2},
        **{"augmentation": PRESETS["strong"], "preprocessing": "unit", "mixup": 0.2},
    },
    "exact": {"strategy": "exact", "weights": "starter", "weights_digest": digest_once(STARTER)},
}


@pytest.fixture
def run(trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunRecord]:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
    return list_runs(trained_workspace)[-1]


def write_photos(workspace: Workspace, dataset_id: str, folder: Path) -> Path:
    """Write the photos under names and in folders that say nothing."""
    dataset = read_dataset(workspace, dataset_id)
    for photo in range(len(dataset)):
        file = folder / f"{photo % 3}" / f"{photo}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(dataset.original(photo))
    return folder


SEEN = {
    "last stage": {"split": "train", "normalize": "true"},
    "exact": {"split": "train", "normalize": "pred"},
}
"""What the controls of a page may say beside the recipe."""


def render(workspace: Workspace, run: RunRecord, name: str = "", **changes: Any) -> dict[str, str]:
    """Return the cells of the run, as if its recipe were another, a variant by name."""
    recipe = replace(run.recipe, **VARIANTS.get(name, {}), **changes)
    return render_cells(describe_run(workspace, replace(run, recipe=recipe)) | SEEN.get(name, {}))


def join_code(cells: dict[str, str], *without: str) -> str:
    code = [name for name in cells if not name.endswith("_text")]
    return "\n\n\n".join(cells[name] for name in code if name not in ("install", *without))


def test_the_notebook_lists_photos_classes_and_splits(
    trained_workspace: Workspace, run: RunRecord
) -> None:
    content = json.loads(write_notebook(trained_workspace, run))

    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    code = {one["id"]: one["source"] for one in content["cells"]}
    result = read_result(trained_workspace, run.id)
    digests = read_dataset(trained_workspace, result.dataset_id).manifest["sha256"]
    rows = [line.split() for line in code["table"].splitlines()[2:-1]]
    assert [digest for digest, _, _ in rows] == [digest[:16] for digest in digests]
    assert [int(label) for _, label, _ in rows] == result.labels.tolist()
    assert [split for _, _, split in rows] == result.splits.tolist()
    assert f"CLASSES = {list(result.classes)!r}" in code["table"]
    assert "keras==" in code["install"]
    assert "SHA-256" in code["title_text"]


def test_the_command_writes_a_notebook_once(
    run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "flowers.ipynb"

    assert main(["export", run.id, str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == run.id
    assert json.loads(file.read_text(encoding="utf-8"))["cells"]
    assert main(["export", run.id, str(file)]) != 0
    assert main(["export", "--model", run.id, str(file), "--force"]) == 0


def test_each_recipe_becomes_code_without_unknown_names(
    trained_workspace: Workspace, run: RunRecord, tmp_path: Path
) -> None:
    for name in ("plain", *VARIANTS):
        cells = render(trained_workspace, run, name)
        (tmp_path / f"{name}.py").write_text(join_code(cells), encoding="utf-8")

    options = ["--isolated", "--line-length=100", "--select=F8,E9,E501"]
    command = [sys.executable, "-m", "ruff", "check", *options, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_stopped_run_ends_where_it_was_stopped(
    trained_workspace: Workspace, run: RunRecord
) -> None:
    stopped = replace(
        run, stopped=True, recipe=replace(run.recipe, strategy="two_phases", epochs=20)
    )
    cells = render_cells(describe_run(trained_workspace, stopped))

    assert ">= 5  # stopped by hand" in cells["training"]
    assert "stages" not in cells  # five epochs were all of the head's


def test_the_shipped_augmentation_is_the_programs(run: RunRecord) -> None:
    photo = np.array(draw_photo(1, 2, (224, 224)))

    for policy in (PRESETS[name] for name in ("gentle", "strong", "randaugment")):
        facts = describe_recipe(replace(run.recipe, augmentation=policy))
        space: dict[str, Any] = {"np": np, "Image": Image}
        exec(f"{write_augmenting()}\n{facts['policy']}", space)
        for draw in range(3):
            given = {"seed": 3, "photo_id": "ab" * 32, "draw": draw}
            theirs = space["augment"](photo, space["POLICY"], **given)
            np.testing.assert_array_equal(theirs, augment(photo, policy, **given))


@pytest.mark.parametrize("changes", [{"weights": "bit-m"}, {"speed": "fast"}, {"crops": "five"}])
def test_what_plain_keras_cannot_be_is_refused(
    trained_workspace: Workspace, run: RunRecord, changes: dict[str, Any]
) -> None:
    with pytest.raises(NetworkUnsupported):
        write_notebook(trained_workspace, replace(run, recipe=replace(run.recipe, **changes)))


@pytest.mark.slow
def test_the_notebook_trains_the_run_again(
    resnet_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(resnet_workspace.root))
    run = list_runs(resnet_workspace)[-1]
    write_photos(resnet_workspace, run.recipe.dataset, tmp_path / "photos")
    notebook = nbformat.reads(write_notebook(resnet_workspace, run), 4)
    nbformat.validate(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "install"]
    show = "print((predicted == labels[validation]).sum())"
    notebook.cells.append(nbformat.v4.new_code_cell(show))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()

    result = read_result(resnet_workspace, run.id)
    photos = result.photo_numbers("validation")
    right = int((result.scores[photos].argmax(axis=1) == result.labels[photos]).sum())
    assert abs(int(notebook.cells[-1].outputs[0].text) - right) <= 1


@pytest.mark.slow
def test_every_kind_of_cell_runs(
    trained_workspace: Workspace, run: RunRecord, tmp_path: Path
) -> None:
    write_photos(trained_workspace, run.recipe.dataset, tmp_path / "photos")
    scripts = []
    for name in sorted(VARIANTS, key="exact".__ne__):  # its weights are of ResNet-50 itself
        script = tmp_path / f"{name}.py"
        cells = render(trained_workspace, run, name)
        small = join_code(cells, "numbers").replace(", 224\n", ", 64\n")  # SIDE
        script.write_text(small, encoding="utf-8")
        scripts.append(script)
    shutil.copy(STARTER, tmp_path)
    runs = (
        "import runpy, sys\n"
        "import keras\n"
        "import tensorflow as tf\n"
        "tf.config.run_functions_eagerly(True)\n"  # nothing is compiled for one step an epoch
        "network, *scripts = sys.argv[1:]\n"
        "for script in scripts:\n"
        "    runpy.run_path(script)\n"
        "    keras.applications.ResNet50 = runpy.run_path(network)['build_small_resnet']"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", runs, small_resnet.__file__, *scripts],
        cwd=tmp_path,
        env={"MPLBACKEND": "agg", "PATH": "", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", ["plain", *VARIANTS])
def test_a_recipe_without_a_run_has_the_same_training(
    trained_workspace: Workspace, run: RunRecord, name: str
) -> None:
    recipe = replace(run.recipe, **VARIANTS.get(name, {}))
    names = {"backbone", "batches", "training", "stages"}

    alone, cells = (
        render_cells(describe_recipe(recipe), *names),
        render(trained_workspace, run, name),
    )
    assert alone == {one: cells[one] for one in cells if one in names}
