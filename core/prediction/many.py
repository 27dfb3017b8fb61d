"""Many photos, one after another: read ahead by a few threads, answered in order.

A photo that is none, or too large, is handed back as what is wrong with it; the others go on.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from core.errors import PhotoRefused
from core.prediction.album import NamedPhoto

_THREADS = min(os.cpu_count() or 1, 4)
"""The network answers one of them at a time; the others decode their photos meanwhile."""
_AHEAD = 2 * _THREADS

T = TypeVar("T")


def answer_photos(
    photos: Sequence[NamedPhoto], answer: Callable[[bytes], T]
) -> Generator[tuple[NamedPhoto, T | PhotoRefused], None, None]:
    """Yields each photo with its answer, or with what is wrong with it, in order.

    Only a few photos are in memory at a time. Closing the generator ends the work.

    Args:
        photos: In the order of the answers.
        answer: Called in several threads with the bytes of a photo; may raise PhotoRefused.
    """
    upcoming = iter(photos)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="answering") as pool:
        window: deque[tuple[NamedPhoto, Future[T | PhotoRefused]]] = deque(
            (photo, pool.submit(_answer, photo, answer)) for photo in islice(upcoming, _AHEAD)
        )
        try:
            while window:
                photo, future = window.popleft()
                yield photo, future.result()
                window.extend(
                    (following, pool.submit(_answer, following, answer))
                    for following in islice(upcoming, 1)
                )
        finally:
            pool.shutdown(cancel_futures=True)


def _answer(photo: NamedPhoto, answer: Callable[[bytes], T]) -> T | PhotoRefused:
    try:
        return answer(photo.read())
    except PhotoRefused as refusal:
        return refusal
