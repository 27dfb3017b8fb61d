"""Imports from beginning to end: right datasets, odd photos, full disks."""

import os
import resource
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from core.errors import DiskFull, SourceRefused
from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.images import read_packed_photo
from data.importing import import_source
from data.manifest import list_datasets
from data.sources.layout import read_folder
from tests.builders import draw_photo, encode_photo, write_class_folders, write_split_folders


def assert_nothing_half_made(workspace: Workspace) -> None:
    assert list(workspace.temporary.iterdir()) == []
    assert all(not folder.name.startswith(".") for folder in workspace.datasets.iterdir())


def test_a_folder_becomes_a_dataset(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=20)
    dataset = import_source(workspace, folder)
    assert (dataset.name, dataset.source) == ("flowers", str(folder))
    assert dataset.classes == ("daisy", "rose", "tulip")
    assert dataset.split_origin == "drawn with seed 0"
    assert len(dataset) == 60 and dataset.photos.shape == (60, 224, 224, 3)
    assert list(dataset.manifest["path"]) == sorted(dataset.manifest["path"])
    for split, photos in (("train", 14), ("validation", 3), ("test", 3)):
        for name in dataset.classes:
            assert len(dataset.photo_numbers(split, name)) == photos
    assert_rows_match_files(dataset, folder)
    assert_nothing_half_made(workspace)


def assert_rows_match_files(dataset: Dataset, folder: Path) -> None:
    for number, row in enumerate(dataset.manifest.itertuples()):
        photo, facts = read_packed_photo((folder / row.path).read_bytes())
        assert (dataset.photos[number] == photo).all()
        assert (row.width, row.height, row.format) == (facts.width, facts.height, facts.format)
        assert dataset.classes[row.label] == row.path.split("/")[0]
        assert len(row.sha256) == 64 and len(row.phash) == 16
        assert dataset.thumbnail(number).startswith(b"RIFF")


def test_given_splits_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_source(workspace, write_split_folders(tmp_path / "flowers"))
    assert dataset.split_origin == "given"
    counts = {split: len(dataset.photo_numbers(split)) for split in set(dataset.splits)}
    assert counts == {"train": 24, "validation": 9, "test": 9}
    for path, split in zip(dataset.manifest["path"], dataset.splits, strict=True):
        assert path.split("/")[0] == {"validation": "valid"}.get(split, split)


def test_validation_is_drawn_where_none_is_given(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_split_folders(tmp_path / "flowers")
    shutil.rmtree(folder / "valid")
    dataset = import_source(workspace, folder, split_seed=5)
    assert dataset.split_origin == "given, validation drawn with seed 5"
    assert len(dataset.photo_numbers("test")) == 9
    assert len(dataset.photo_numbers("validation")) == 3


def test_same_photos_same_dataset(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)
    first = import_source(workspace, folder)
    with tarfile.open(tmp_path / "packed.tgz", "w:gz") as archive:
        for name in first.classes:
            archive.add(folder / name, arcname=name)
    again = import_source(workspace, tmp_path / "packed.tgz", name="another name")
    assert again.id == first.id and again.name == "flowers"
    assert import_source(workspace, folder, split_seed=1).id != first.id
    (folder / "rose" / "rose_000.jpg").rename(folder / "tulip" / "rose_000.jpg")
    assert import_source(workspace, folder).id != first.id
    assert len(list_datasets(workspace)) == 3


def test_a_damaged_dataset_is_made_again(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)
    dataset = import_source(workspace, folder)
    os.truncate(dataset.photos_file, 1000)
    assert import_source(workspace, folder).photos.shape == (15, 224, 224, 3)


def test_odd_photos_are_imported_or_set_aside_with_a_reason(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=4)
    photo = draw_photo(0, 50)
    odd = {
        "daisy/truncated.jpg": encode_photo(photo)[:-900],
        "daisy/empty.jpg": b"",
        "rose/page.jpg": b"<html>not found</html>",
        "rose/phone.heic": b"\x00\x00\x00\x18ftypheic" + bytes(100),
        "stray.jpg": encode_photo(photo),
        "tulip/cmyk.jpg": encode_photo(photo.convert("CMYK")),
        "tulip/phone.HEIC": encode_photo(draw_photo(2, 51), "HEIF"),
        "tulip/really a png.JPG": encode_photo(photo, "PNG"),
    }
    for path, content in odd.items():
        (folder / path).write_bytes(content)
    (folder / "tulip" / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    dataset = import_source(workspace, folder)
    aside = dataset.set_aside.set_index("path")
    assert list(aside.index) == [
        "daisy/empty.jpg",
        "daisy/truncated.jpg",
        "rose/page.jpg",
        "rose/phone.heic",
        "stray.jpg",
        "tulip/link.jpg",
    ]
    assert set(aside["code"]) == {"photo_unreadable"}
    assert "0 bytes" in aside.loc["daisy/empty.jpg", "problem"]
    assert "truncated" in aside.loc["daisy/truncated.jpg", "problem"]
    assert "outside of the class folders" in aside.loc["stray.jpg", "problem"]
    assert aside.loc["rose/page.jpg", "class"] == "rose"
    assert len(dataset) == 15
    assert dataset.photos.shape[0] == 15
    assert "tulip/phone.HEIC" in dataset.manifest["path"].tolist()
    assert "PNG" in set(dataset.manifest["format"])
    assert_nothing_half_made(workspace)


def test_too_large_photos_are_set_aside(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_PHOTO_LIMIT_MB", "1")
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=4)
    (folder / "rose" / "large.bmp").write_bytes(encode_photo(draw_photo(0, 0, (800, 500)), "BMP"))
    dataset = import_source(workspace, folder)
    assert list(dataset.set_aside["code"]) == ["photo_too_large"]


def test_copies_share_a_split(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=12)
    for number in range(1, 4):
        shutil.copy(folder / "rose/rose_000.jpg", folder / f"rose/copy {number}.jpg")
    shutil.copy(folder / "rose/rose_000.jpg", folder / "tulip/copy.jpg")
    dataset = import_source(workspace, folder)
    copies = dataset.manifest[dataset.manifest["sha256"].duplicated(keep=False)]
    assert len(copies) == 5 and copies["split"].nunique() == 1


def test_a_source_without_readable_photos_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "1.jpg").write_bytes(b"nothing")
    with pytest.raises(SourceRefused, match="2 were skipped"):
        import_source(workspace, tmp_path / "broken")
    assert list_datasets(workspace) == []
    assert_nothing_half_made(workspace)


def test_progress_covers_all_photos(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)
    reports: list[tuple[str, int, int]] = []
    import_source(workspace, folder, on_progress=lambda *step: reports.append(step))
    assert reports == [("reading photos", done, 15) for done in range(1, 16)]


def test_an_import_given_up_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)

    def give_up(_phase: str, done: int, _total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(workspace, folder, on_progress=give_up)
    assert list_datasets(workspace) == []
    assert_nothing_half_made(workspace)


def test_what_a_killed_import_left_is_swept(workspace: Workspace, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    orphan = workspace.temporary / f"import-{ended.pid}-left"
    going = workspace.temporary / f"import-{os.getpid()}-going"
    orphan.mkdir()
    going.mkdir()
    import_source(workspace, write_class_folders(tmp_path / "flowers", photos_per_class=3))
    assert not orphan.exists() and going.exists()


def test_no_room_is_reported_and_nothing_left(workspace: Workspace, tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow beyond 1 MB (as a full disk would)."""
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=5)
    code = (
        "import sys; from pathlib import Path; from core.errors import DiskFull\n"
        "from core.workspace import open_workspace; from data.importing import import_source\n"
        "try: import_source(open_workspace(), Path(sys.argv[1]))\n"
        "except DiskFull as error: print(error.code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(workspace.root)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == DiskFull.code, ended.stderr
    assert list_datasets(workspace) == []
    assert_nothing_half_made(workspace)


def test_found_photos_are_read_where_they_lie(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "flowers", photos_per_class=3)
    before = {photo.path: photo.file.stat() for photo in read_folder(folder).photos}
    import_source(workspace, folder)
    after = {photo.path: photo.file.stat() for photo in read_folder(folder).photos}
    assert {path: facts.st_mtime_ns for path, facts in before.items()} == {
        path: facts.st_mtime_ns for path, facts in after.items()
    }
    assert (
        encode_photo(draw_photo(0, 0), quality=90) == (folder / "daisy/daisy_000.jpg").read_bytes()
    )
