"""Process items in threads, ahead of the code that reads the results."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def work_ahead(
    items: Iterable[_Item], work: Callable[[_Item], _Made], threads: int, ahead: int
) -> Generator[tuple[_Item, _Made], None, None]:
    """Yield each item with its result, in order, while threads process the next items.

    Only `ahead` items are in memory at a time. Closing the generator ends the work.
    """
    upcoming = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="working ahead") as pool:
        window: deque[tuple[_Item, Future[_Made]]] = deque()
        try:
            window.extend((item, pool.submit(work, item)) for item in islice(upcoming, ahead))
            while window:
                item, future = window.popleft()
                yield item, future.result()
                window.extend((new, pool.submit(work, new)) for new in islice(upcoming, 1))
        finally:
            pool.shutdown(cancel_futures=True)
