"""Photos of a folder, sorted by name; many photos answered in order, few in memory at a time."""

import threading
from pathlib import Path

import pytest

from core.errors import PhotoRefused, PhotoUnreadable, SourceRefused
from core.prediction.album import NamedPhoto, answer_photos, find_photos
from tests.builders import draw_photo, encode_photo

PHOTO = encode_photo(draw_photo(0, 1))


def test_a_folder_gives_its_photos_sorted_whatever_lies_between(tmp_path: Path) -> None:
    for name in ("b.jpg", "deep/er/a.PNG", ".hidden.jpg", "__MACOSX/b.jpg", "notes.txt", "c.heic"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PHOTO)
    photos, others = find_photos(tmp_path)
    assert [photo.name for photo in photos] == ["b.jpg", "c.heic", "deep/er/a.PNG"]
    assert others == 1
    assert photos[0].read() == PHOTO
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(PhotoUnreadable):
        photos[0].read()


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_photos_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceRefused):
        find_photos(tmp_path / name)


def name_photos(count: int) -> list[NamedPhoto]:
    return [
        NamedPhoto(name=str(number), read=lambda number=number: bytes([number]))
        for number in range(count)
    ]


def refuse_every_third(content: bytes) -> int:
    if content[0] % 3 == 0:
        raise PhotoUnreadable("no photo", "take another")
    return content[0]


def test_all_come_in_order_and_bad_ones_say_why() -> None:
    assert list(answer_photos([], len)) == []
    photos = name_photos(50)
    answered = list(answer_photos(photos, refuse_every_third))
    assert [photo for photo, _ in answered] == photos
    for number, (_, answer) in enumerate(answered):
        if number % 3:
            assert answer == number
        else:
            assert isinstance(answer, PhotoRefused)


def test_few_are_read_ahead_and_closing_ends_the_work() -> None:
    read, lock = [], threading.Lock()

    def read_one(number: int) -> bytes:
        with lock:
            read.append(number)
        return b"x"

    photos = [
        NamedPhoto(name=str(number), read=lambda number=number: read_one(number))
        for number in range(1000)
    ]
    answers = answer_photos(photos, len)
    for _ in range(5):
        next(answers)
    answers.close()
    assert len(read) < 20
    threads = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("answering") for name in threads)
