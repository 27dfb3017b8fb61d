"""Where the photos of a fit come from, batch by batch, read ahead while the network computes."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np

_AHEAD = 3
"""Batches that are ready or in the making."""


class Source(Protocol):
    """The photos of a split, in whatever shape the network takes them."""

    labels: np.ndarray
    """(m,) int."""

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Returns what the network takes for these rows, in an epoch (from 1); any thread."""


class KeptViews:
    """Arrays that were computed before, one a view; epochs walk through the views."""

    def __init__(self, views: Sequence[np.ndarray], labels: np.ndarray) -> None:
        self.views = tuple(views)
        self.labels = labels

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Returns the rows of the view whose turn it is."""
        return np.asarray(self.views[(epoch - 1) % len(self.views)][rows])


def read_ahead(
    source: Source, batches: Iterable[np.ndarray], epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (rows, inputs) of each batch in order; a thread reads the next ones meanwhile."""
    waiting: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader") as thread:
        try:
            for rows in batches:
                waiting.append((rows, thread.submit(source.read, rows, epoch)))
                if len(waiting) > _AHEAD:
                    first, inputs = waiting.popleft()
                    yield first, inputs.result()
            while waiting:
                first, inputs = waiting.popleft()
                yield first, inputs.result()
        finally:
            for _, inputs in waiting:  # the caller left early
                inputs.cancel()
