"""Archives: good ones are unpacked, broken ones refused."""

import contextlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArchiveRefused, SourceRefused
from data.sources.archive import unpack_photos
from tests.builders import draw_photo, encode_photo, write_class_folders
from tests.unit.data.archives import (
    Members,
    assert_refused,
    list_good_members,
    write_tar,
    write_zip,
)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_zip, "flowers.zip"),
        (write_tar, "flowers.tgz"),
        (lambda file, members: write_tar(file, members, "w:"), "flowers.tar"),
        (write_tar, "called a.zip"),
    ],
)
def test_good_archives_are_unpacked(
    write: Callable[[Path, Members], Path], name: str, tmp_path: Path, target: Path
) -> None:
    members = list_good_members() | {"flowers/readme.txt": b"hello", "__MACOSX/._x.jpg": b"x"}
    reports: list[tuple[int, int]] = []
    found = unpack_photos(
        write(tmp_path / name, members), target, lambda *report: reports.append(report)
    ).photos
    assert {photo.path: photo.file.read_bytes() for photo in found} == list_good_members()
    assert {photo.class_name for photo in found} == {"daisy", "rose"}
    assert len(list(target.iterdir())) == 4, "only photos are written"
    assert all(photo.file.parent == target for photo in found)
    assert reports[-1] == (4, 4)


def test_an_archive_made_by_tar_is_unpacked(tmp_path: Path, target: Path) -> None:
    folder = write_class_folders(tmp_path / "photos", photos_per_class=2)
    with tarfile.open(tmp_path / "photos.tgz", "w:gz") as archive:
        archive.add(folder, arcname=".")
    assert len(unpack_photos(tmp_path / "photos.tgz", target).photos) == 6


def test_backslashes_and_unicode_in_a_zip(tmp_path: Path, target: Path) -> None:
    photo = encode_photo(draw_photo(0, 0))
    file = write_zip(tmp_path / "x.zip", {"a\\1.jpg": photo, "pâquerette\\2.jpg": photo})
    found = unpack_photos(file, target).photos
    assert {(p.path, p.class_name) for p in found} == {
        ("a/1.jpg", "a"),
        ("pâquerette/2.jpg", "pâquerette"),
    }


def test_a_locked_zip_is_refused(tmp_path: Path, target: Path) -> None:
    file = write_zip(tmp_path / "x.zip", list_good_members())
    content = bytearray(file.read_bytes())
    start = content.find(b"PK\x01\x02")
    while start >= 0:
        content[start + 8] |= 1
        start = content.find(b"PK\x01\x02", start + 4)
    file.write_bytes(content)
    assert_refused(file, target, "password")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_broken_archives_are_refused(
    write: Callable[[Path, Members], Path], tmp_path: Path, target: Path
) -> None:
    whole = write(tmp_path / "whole", list_good_members()).read_bytes()
    for length in (3, 40, len(whole) // 3, len(whole) * 4 // 5):
        (tmp_path / "broken").write_bytes(whole[:length])
        with pytest.raises(ArchiveRefused):
            unpack_photos(tmp_path / "broken", target)


def test_a_wrong_checksum_is_noticed(tmp_path: Path, target: Path) -> None:
    file = write_zip(tmp_path / "x.zip", list_good_members())
    content = bytearray(file.read_bytes())
    content[content.find(b"\xff\xd8\xff") + 200] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(ArchiveRefused, match="broken"):
        unpack_photos(file, target)


def test_other_files_are_refused(tmp_path: Path, target: Path) -> None:
    for content in (b"", b"Rar!\x1a\x07\x00", encode_photo(draw_photo(0, 0))):
        (tmp_path / "x.zip").write_bytes(content)
        assert_refused(tmp_path / "x.zip", target, "not a .zip")
    with pytest.raises(SourceRefused, match="no file"):
        unpack_photos(tmp_path / "gone.zip", target)


def test_a_layout_that_is_refused_leaves_nothing(tmp_path: Path, target: Path) -> None:
    file = write_zip(tmp_path / "x.zip", {"1.jpg": encode_photo(draw_photo(0, 0))})
    with pytest.raises(SourceRefused, match="side by side"):
        unpack_photos(file, target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_zip, "x.zip"), (write_tar, "x.tgz"), (lambda f, m: write_tar(f, m, "w:"), "x.tar")],
)
def test_damaged_bytes_never_raise_anything_else(
    write: Callable[[Path, Members], Path], name: str, tmp_path: Path, target: Path
) -> None:
    """Bytes changed at random, mostly in the directory of a .zip, unpack or are refused."""
    rng = np.random.default_rng(1)
    content = write(tmp_path / name, list_good_members()).read_bytes()
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(1, 600, 3):
            damaged[-place] = rng.choice([0, 255, rng.integers(256)])
        (tmp_path / name).write_bytes(damaged)
        with contextlib.suppress(SourceRefused):
            assert len(unpack_photos(tmp_path / name, target).photos) >= 2
