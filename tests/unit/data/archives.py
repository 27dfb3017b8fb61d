"""Writes archives for tests, and asserts that one is refused."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.errors import ArchiveRefused
from data.sources.archive import unpack_photos
from tests.builders import draw_photo, encode_photo

Members = dict[str, bytes]


def list_good_members() -> Members:
    return {
        f"flowers/{name}/{number}.jpg": encode_photo(draw_photo(label, number))
        for label, name in enumerate(("daisy", "rose"))
        for number in range(2)
    }


def write_zip(file: Path, members: Members, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def write_tar(file: Path, members: Members, mode: str = "w:gz") -> Path:
    with tarfile.open(file, mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file


def assert_refused(archive: Path, target: Path, why: str) -> None:
    with pytest.raises(ArchiveRefused, match=why) as refusal:
        unpack_photos(archive, target)
    assert refusal.value.remedy
    assert list(target.iterdir()) == []
