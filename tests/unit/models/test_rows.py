"""Rows on their way: photos changed in threads keep their order; numbers that are none are seen."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from models.rows import Batch, SomeRows, are_finite, change_batches


def number_photos(photos: int, batch_size: int) -> Iterator[Batch]:
    """Yield batches of photos, each filled with its own number."""
    for start in range(0, photos, batch_size):
        numbers = np.arange(start, min(start + batch_size, photos), dtype=np.uint8)
        batch = np.broadcast_to(numbers[:, None, None, None], (len(numbers), 2, 2, 3)).copy()
        yield batch, numbers.tolist()


def test_photos_changed_in_threads_keep_their_order():
    def change(photos: np.ndarray, numbers: list[int]) -> np.ndarray:
        time.sleep(0.006 * (numbers[0] % 3))  # later ones are done first
        return photos + np.array(numbers, np.uint8)[:, None, None, None]

    batches = change_batches(number_photos(30, 4), change, threads=4)
    changed = np.concatenate(list(batches))
    assert changed[:, 0, 0, 0].tolist() == [2 * number for number in range(30)]


def test_threads_work_only_a_few_batches_ahead():
    read: list[int] = []

    def read_slowly() -> Iterator[Batch]:
        for number, batch in enumerate(number_photos(200, 2)):
            read.append(number)
            yield batch

    batches = change_batches(read_slowly(), lambda photo, _: photo, threads=2)
    next(batches)
    assert len(read) == 4
    batches.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("working ahead")]


def test_a_fault_in_a_thread_is_told():
    def fail(*_: object) -> np.ndarray:
        raise ArithmeticError("bad draw")

    with pytest.raises(ArithmeticError, match="bad draw"):
        list(change_batches(number_photos(9, 2), fail, threads=2))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_what_is_not_finite_is_seen(kind):
    rows = np.linspace(-65504, 65504, 48, dtype=np.float32).astype(kind).reshape(3, 16)
    rows[0, 0] = -0.0
    assert are_finite(rows)
    for value in (np.inf, -np.inf, np.nan):
        rows[2, 5] = value
        assert not are_finite(rows)


def test_some_rows_are_those_of_their_numbers():
    kept, numbers = np.arange(20.0).reshape(10, 2), np.array([7, 2, 9])
    rows = SomeRows(kept, numbers)
    assert (len(rows), rows.shape) == (3, (3, 2))
    np.testing.assert_array_equal(rows[np.array([2, 0])], kept[[9, 7]])
    np.testing.assert_array_equal(rows[1:], kept[[2, 9]])
