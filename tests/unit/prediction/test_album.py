"""Albums: photos of folders, sorted by name."""

from pathlib import Path

import pytest

from core.errors import PhotoUnreadable, SourceRefused
from core.prediction.album import find_photos
from tests.builders import draw_photo, encode_photo

PHOTO = encode_photo(draw_photo(0, 1))


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
