"""Export: the photos as they came, in folders, and back again."""

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.errors import ExportRefused
from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.export import export_tree, make_safe_name, name_class_folders
from data.importing import import_source
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Three classes of 4 photos."""
    return import_source(workspace, write_class_folders(tmp_path / "photos", photos_per_class=4))


@pytest.mark.parametrize("layout", ["splits", "classes"])
def test_photos_come_out_as_they_came_in(
    dataset: Dataset, workspace: Workspace, tmp_path: Path, layout: str
) -> None:
    reports: list[tuple[int, int]] = []
    report = export_tree(
        dataset,
        tmp_path / "out",
        layout=layout,
        on_progress=lambda *report: reports.append(report),
    )
    files = list((tmp_path / "out").rglob("*.jpg"))
    assert len(files) == report["photos"] == 12
    for file in files:
        assert (
            file.read_bytes() == (tmp_path / "photos" / file.parent.name / file.name).read_bytes()
        )
    depth = {len(file.relative_to(tmp_path / "out").parts) for file in files}
    assert depth == {3 if layout == "splits" else 2}
    assert reports[-1] == (12, 12)
    with (tmp_path / "out" / "labels.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {row["path"].split("/")[-1]: (row["class"], row["split"]) for row in rows} == {
        path.split("/")[-1]: (name, split)
        for path, name, split in zip(
            dataset.manifest["path"], dataset.manifest["class"], dataset.splits, strict=True
        )
    }
    again = import_source(workspace, tmp_path / "out" / "labels.csv")
    assert set(again.manifest["sha256"]) == set(dataset.manifest["sha256"])
    assert again.classes == dataset.classes


def test_the_mapping_of_names(dataset: Dataset, tmp_path: Path) -> None:
    export_tree(dataset, tmp_path / "out")
    mapping = json.loads((tmp_path / "out" / "mapping.json").read_text(encoding="utf-8"))
    assert mapping == {"1": "daisy", "2": "rose", "3": "tulip"}


def test_names_that_file_systems_refuse(workspace: Workspace, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    photos = write_class_folders(tmp_path / "photos", photos_per_class=2)
    (photos / "more").mkdir()
    (photos / "rose" / "rose_000.jpg").rename(photos / "more" / "daisy_000.jpg")
    table.write_text(
        "path,class\n"
        "photos/daisy/daisy_000.jpg,../../evil\nphotos/more/daisy_000.jpg,../../evil\n"
        "photos/rose/rose_001.jpg,.._.._evil?\nphotos/tulip/tulip_000.jpg,con\n"
    )
    report = export_tree(import_source(workspace, table), tmp_path / "out", layout="classes")
    files = {str(f.relative_to(tmp_path / "out")) for f in (tmp_path / "out").rglob("*.jpg")}
    assert files == {
        "_._.._evil/daisy_000.jpg",
        "_._.._evil/daisy_000 2.jpg",
        "_._.._evil_/rose_001.jpg",
        "_con/tulip_000.jpg",
    }
    assert report["renamed"] == 3


def test_safe_names() -> None:
    assert make_safe_name("pink primrose") == "pink primrose"
    assert make_safe_name("colt's foot") == "colt's foot"
    assert make_safe_name("..") == make_safe_name("/") == "_"
    assert len(make_safe_name("é" * 300 + ".jpg").encode()) <= 200
    assert name_class_folders(["Rose", "rose", "a?", "a*"]) == ["Rose", "rose 2", "a_", "a_ 2"]


def test_a_target_that_is_not_empty_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    before = sorted((tmp_path / "photos").rglob("*"))
    with pytest.raises(ExportRefused, match="not empty"):
        export_tree(dataset, tmp_path / "photos")
    assert sorted((tmp_path / "photos").rglob("*")) == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportRefused, match="is a file"):
        export_tree(dataset, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert export_tree(dataset, tmp_path / "empty")["photos"] == 12


def test_a_full_disk_leaves_nothing(dataset: Dataset, workspace: Workspace, tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow beyond 1 KB."""
    (tmp_path / "there").mkdir()
    code = "import sys, core.cli.command as entry; sys.exit(entry.main(sys.argv[1:]))"
    target = str(tmp_path / "there" / "out")
    done = subprocess.run(  # -B: under the limit Python would write compiled files cut short
        [sys.executable, "-B", "-c", code, "export", dataset.id, target, "--json"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(workspace.root)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["error"]["code"] == "disk_full"
    assert list((tmp_path / "there").iterdir()) == []


def test_the_command(dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(*arguments: str) -> dict[str, Any]:
        main(["export", "latest", *arguments, "--json"])
        return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]

    assert answer(str(tmp_path / "out"), "--layout", "classes")["photos"] == len(dataset)
    assert (tmp_path / "out" / "rose").is_dir()
    answer("--mapping-only", str(tmp_path / "names.json"))
    assert json.loads((tmp_path / "names.json").read_text())["2"] == "rose"
    assert answer()["error"]["code"] == "export_refused"
