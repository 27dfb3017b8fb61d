"""Many photos: answered in their order, bad ones handed back, few in memory, ended when asked."""

import threading

from core.errors import PhotoRefused, PhotoUnreadable
from core.prediction.album import NamedPhoto, answer_photos


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


def test_none_is_no_fault() -> None:
    assert list(answer_photos([], len)) == []
