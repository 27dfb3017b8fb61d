"""Albums: photos of folders and archives, told by name; hostile archives leave nothing behind."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.errors import ArchiveRefused, PhotoUnreadable, SourceRefused
from core.prediction.album import find_photos, unpack_album
from tests.builders import draw_photo, encode_photo

PHOTO = encode_photo(draw_photo(0, 1))


def write_zip(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def unpack(file: Path, tmp_path: Path, most: int = 100):
    target = tmp_path / "unpacked"
    target.mkdir()
    return unpack_album(file, target, most=most)


def test_a_folder_gives_its_photos_sorted_whatever_lies_between(tmp_path: Path) -> None:
    for name in ("b.jpg", "deep/er/a.PNG", ".hidden.jpg", "__MACOSX/b.jpg", "notes.txt", "c.heic"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PHOTO)
    album = find_photos(tmp_path)
    assert [photo.name for photo in album.photos] == ["b.jpg", "c.heic", "deep/er/a.PNG"]
    assert album.left_out == 1
    assert album.photos[0].read() == PHOTO
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(PhotoUnreadable):
        album.photos[0].read()


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_photos_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceRefused):
        find_photos(tmp_path / name)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_gives_its_photos_with_or_without_folders(tmp_path: Path, kind: str) -> None:
    members = {"top.jpg": PHOTO, "a/rose/1.png": PHOTO[:50], "readme.md": b"hello", ".x.jpg": b""}
    file = tmp_path / f"garden.{kind}"
    if kind == "zip":
        write_zip(file, members)
    else:
        with tarfile.open(file, "w:gz") as archive:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    album = unpack(file, tmp_path)
    assert [photo.name for photo in album.photos] == ["a/rose/1.png", "top.jpg"]
    assert [photo.read() for photo in album.photos] == [PHOTO[:50], PHOTO]
    assert album.left_out == 1


@pytest.mark.parametrize(
    "members",
    [
        {"../outside.jpg": PHOTO},
        {"/etc/photo.jpg": PHOTO},
        {"fine.jpg": PHOTO, "bomb.jpg": b"\0" * 30_000_000},
        {f"{number}.jpg": PHOTO for number in range(101)},
        {"notes.txt": b"no photo"},
    ],
    ids=["points outside", "absolute", "bomb", "too many", "no photos"],
)
def test_what_is_hostile_or_useless_leaves_nothing(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    file = write_zip(tmp_path / "hostile.zip", members)
    with pytest.raises(SourceRefused):
        unpack(file, tmp_path)
    assert not list((tmp_path / "unpacked").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"hostile.zip", "unpacked"}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "photo.zip"
    file.write_bytes(PHOTO)
    with pytest.raises(ArchiveRefused):
        unpack(file, tmp_path)
