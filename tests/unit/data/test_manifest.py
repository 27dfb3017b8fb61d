"""Datasets in the workspace: read, listed, renamed, deleted, and damage that is noticed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadIdentifier, DatasetMissing, ResultDamaged
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import check_photos, hide_dataset, list_datasets, read_dataset, rename_dataset
from tests.builders import write_class_folders


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)
    (folder / "rose" / "broken.jpg").write_bytes(b"")
    return import_source(workspace, folder)


def test_a_dataset_is_read_as_it_was_made(workspace: Workspace, dataset: Dataset) -> None:
    read = read_dataset(workspace, dataset.id)
    assert read.manifest.equals(dataset.manifest)
    assert read.labels.dtype == np.int64 and read.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert read.splits.dtype.kind == "U"
    assert not read.photos.flags.writeable
    assert list(read.set_aside["path"]) == ["rose/broken.jpg"]
    assert read.set_aside["split"].tolist() == [""]
    columns = "path class label split sha256 phash width height bytes format"
    assert list(read.manifest)[:10] == columns.split()


def test_photo_numbers_are_rows(dataset: Dataset) -> None:
    assert dataset.photo_numbers().tolist() == list(range(15))
    assert dataset.photo_numbers(class_name="rose").tolist() == [5, 6, 7, 8, 9]
    chosen = dataset.photo_numbers("train", "tulip")
    assert (dataset.splits[chosen] == "train").all() and (dataset.labels[chosen] == 2).all()
    assert len(dataset.photo_numbers("train", "no such class")) == 0


def test_datasets_are_listed_and_renamed(workspace: Workspace, dataset: Dataset) -> None:
    rename_dataset(workspace, dataset.id, "  Blüten ")
    (summary,) = list_datasets(workspace)
    assert (summary.id, summary.name, summary.problem) == (dataset.id, "Blüten", None)
    assert (summary.photos, summary.classes, summary.set_aside) == (15, 3, 1)
    assert read_dataset(workspace, dataset.id).name == "Blüten"


def test_a_deleted_dataset_is_gone(workspace: Workspace, dataset: Dataset) -> None:
    hidden = hide_dataset(workspace, dataset.id)
    assert list(workspace.datasets.iterdir()) == [hidden]
    assert list_datasets(workspace) == []
    for act in (read_dataset, hide_dataset):
        with pytest.raises(DatasetMissing):
            act(workspace, dataset.id)


def test_ids_that_are_paths_are_refused(workspace: Workspace) -> None:
    for identifier in ("../../etc", "/etc", "", ".hidden"):
        with pytest.raises(BadIdentifier):
            read_dataset(workspace, identifier)


@pytest.mark.parametrize(
    "name",
    ["images.npy", "thumbnails.bin", "manifest.parquet", "set_aside.parquet", "dataset.json"],
)
def test_files_cut_short_or_missing_are_noticed(
    workspace: Workspace, dataset: Dataset, name: str
) -> None:
    file = dataset.folder / name
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(ResultDamaged) as damage:
        read_dataset(workspace, dataset.id)
    assert "mport it again" in damage.value.remedy
    (summary,) = list_datasets(workspace)
    assert summary.id == dataset.id and summary.problem is not None and name in summary.problem
    file.unlink()
    with pytest.raises(ResultDamaged, match=f"{name} is missing"):
        read_dataset(workspace, dataset.id)


def test_an_altered_table_is_noticed(workspace: Workspace, dataset: Dataset) -> None:
    file = dataset.folder / "manifest.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ResultDamaged, match="altered"):
        read_dataset(workspace, dataset.id)


def test_photos_altered_in_place_are_noticed_and_imported_again(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    check_photos(dataset)
    content = dataset.photos_file.read_bytes()
    dataset.photos_file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ResultDamaged, match=r"images\.npy was altered"):
        check_photos(dataset)
    again = import_source(workspace, tmp_path / "flowers")
    assert again.id == dataset.id and again.photos_file.read_bytes() == content


@pytest.mark.parametrize("content", ["[]", "{}", '{"version": 1}', '{"version": 99}', "null"])
def test_foreign_facts_are_noticed(workspace: Workspace, dataset: Dataset, content: str) -> None:
    (dataset.folder / "dataset.json").write_text(content)
    with pytest.raises(ResultDamaged):
        read_dataset(workspace, dataset.id)


def test_digests_of_all_files_are_kept(dataset: Dataset) -> None:
    facts = json.loads((dataset.folder / "dataset.json").read_text())
    names = {file.name for file in dataset.folder.iterdir()}
    assert set(facts["files"]) == names - {"dataset.json"}
    assert all(len(file["sha256"]) == 64 for file in facts["files"].values())
