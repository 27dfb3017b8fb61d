"""The report of an import says what the dataset is, before and after it is kept."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from core.errors import ImportFailed
from core.workspace import Workspace
from data.importing import keep_dataset, make_staging_folder, prepare_dataset
from data.manifest import list_datasets
from data.report import REFUSED_SHOWN, ImportReport, warn_of_few
from data.sources.found import SourceRequest
from tests.builders import draw_photo, encode_photo, write_class_folders, write_split_folders


def prepare(workspace: Workspace, source: Path, **more: object) -> ImportReport:
    """Return the report of a dry run."""
    with make_staging_folder(workspace) as folder:
        return prepare_dataset(workspace, SourceRequest(path=str(source)), folder, **more)


def test_a_dry_run_says_what_is_then_kept(workspace: Workspace, tmp_path: Path) -> None:
    source = write_split_folders(tmp_path / "garden")
    (source / "train" / "rose" / "note.jpg").write_bytes(b"not a photo")
    shutil.copy(source / "train/rose/rose_000.jpg", source / "test/rose/copy.jpg")
    with make_staging_folder(workspace) as folder:
        report = prepare_dataset(workspace, SourceRequest(path=str(source)), folder)
        assert list_datasets(workspace) == []
        dataset = keep_dataset(workspace, folder, report.dataset_id)
    assert (report.dataset_id, report.name) == (dataset.id, dataset.name) == (dataset.id, "garden")
    assert (report.photos, report.set_aside, report.exact_duplicates) == (43, 1, 1)
    assert report.reasons == {"photo_unreadable": 1}
    assert report.refused[0].path == "train/rose/note.jpg" and report.refused[0].problem
    assert [row.name for row in report.classes] == list(dataset.classes)
    for row in report.classes:
        for split in ("train", "validation", "test"):
            assert getattr(row, split) == len(dataset.photo_numbers(split, row.name))
    assert report.count_split("test") == 10
    assert report.bytes == dataset.manifest["bytes"].sum()
    assert not report.already_imported
    assert prepare(workspace, source).already_imported


def test_it_goes_through_json_unchanged(workspace: Workspace, tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "garden", photos_per_class=3)
    (source / "rose" / "note.jpg").write_bytes(b"not a photo")
    report = prepare(workspace, source, name="  my garden ")
    assert report.name == "my garden"
    restored = TypeAdapter(ImportReport).validate_python(json.loads(json.dumps(asdict(report))))
    assert restored == report


def test_a_dry_run_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    prepare(workspace, write_class_folders(tmp_path / "garden", photos_per_class=3))
    assert list(workspace.temporary.iterdir()) == list(workspace.datasets.iterdir()) == []


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([20, 21], ""),
        ([1, 0, 2], "All 3 classes have fewer than 20 validation photos (the fewest: 0)"),
        ([1], "The only class has fewer than 20"),
        ([2, 2], "Both classes have fewer than 20"),
        ([19, 400], "1 of 2 classes has fewer than 20 validation photos (the fewest: 19)"),
        ([19, 3, 20], "2 of 3 classes have fewer than 20"),
        ([3] * 3000, "All 3,000 classes have fewer than 20"),
        ([0] * 3000, "All 3,000 classes have no validation photo: runs cannot be evaluated"),
    ],
)
def test_few_validation_photos_are_told_in_one_sentence(counts: list[int], said: str) -> None:
    warning = warn_of_few(counts)
    assert warning.startswith(said) and bool(warning) == bool(said)
    assert not warning or "photos" in warning


def test_classes_that_are_too_small_are_told(workspace: Workspace, tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "garden", photos_per_class=8)
    (source / "orchid").mkdir()
    (source / "orchid" / "1.jpg").write_bytes(encode_photo(draw_photo(3, 0)))
    told = [note for note in prepare(workspace, source).notes if "“orchid”" in note]
    assert len(told) == 1, "told once, by the source or by the report"


def test_a_class_whose_train_photos_are_all_unreadable_is_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = write_split_folders(tmp_path / "garden")
    for photo in (source / "train" / "rose").iterdir():
        photo.write_bytes(b"not a photo")
    report = prepare(workspace, source)
    assert any("“rose”" in note and "no training photos" in note for note in report.notes)
    assert report.set_aside == 8


def test_only_the_first_refused_are_named_but_all_are_counted(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = write_class_folders(tmp_path / "garden", photos_per_class=3)
    for number in range(REFUSED_SHOWN + 5):
        (source / "rose" / f"empty {number:03d}.jpg").touch()
    report = prepare(workspace, source)
    assert report.set_aside == report.reasons["photo_unreadable"] == REFUSED_SHOWN + 5
    assert len(report.refused) == REFUSED_SHOWN


def test_what_is_not_there_any_more_cannot_be_kept(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ImportFailed):
        keep_dataset(workspace, tmp_path / "gone", "0" * 16)
