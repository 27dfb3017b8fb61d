"""Writes answers into the prediction log in the background: an answer never waits for it.

Where the database is locked or full, lines are dropped and counted.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from core.errors import PetalscopeError
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.prediction.predictor import Prediction
from core.workspace import Workspace

_MOST_LINES = 4096
_MOST_BYTES = 128_000_000
_AT_ONCE = 256
_GATHERING_S = 0.25
_FAULTS = (SQLAlchemyError, OSError, PetalscopeError)
_log = logging.getLogger(__name__)


class Line(NamedTuple):
    """An answer to be logged."""

    prediction: Prediction
    photo: Photo
    facts: dict[str, Any]
    """The id, latency_ms and visitor of the answer."""

    @property
    def bytes(self) -> int:
        """Its size in memory, nearly."""
        made = self.prediction
        arrays = made.photo.nbytes + made.features.nbytes + made.scores.nbytes
        return len(self.photo.content) + arrays


class Logbook:
    """A bounded queue of lines, and the thread that writes them."""

    def __init__(self, workspace: Workspace, on_lost: Callable[[int], None]) -> None:
        """Prepare; `on_lost` gets the number of dropped lines."""
        self._workspace = workspace
        self._on_lost = on_lost
        # An event is a flush: set when all lines before it are written. None is the end.
        self._queue: Queue[Line | threading.Event | None] = Queue(_MOST_LINES)
        self._bytes = 0
        self._lock = threading.Lock()
        self._is_closing = False
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="logbook", daemon=True)

    @property
    def waiting(self) -> int:
        """Lines not yet written."""
        return self._queue.unfinished_tasks

    def start(self) -> None:
        """Begin to write lines."""
        self._thread.start()

    def add(self, line: Line) -> None:
        """Queue a line; drop it where too many wait."""
        try:
            if self._is_closing or self._bytes > _MOST_BYTES:
                raise Full
            self._queue.put_nowait(line)
            self._count_bytes(line.bytes)
        except Full:
            self._lose(1)

    def flush(self, timeout_s: float) -> bool:
        """Return whether all lines queued so far were written, or dropped, within the time."""
        written = threading.Event()
        try:
            self._queue.put(written, timeout=timeout_s)
        except Full:
            return False
        return written.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write the waiting lines; count the rest as lost after the timeout."""
        self._is_closing = True
        if self._thread.is_alive():
            with suppress(Full):
                self._queue.put(None, timeout=timeout_s)
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._lose(self.waiting - 1)  # the end is no line

    def _work(self) -> None:
        last: Line | threading.Event | None = threading.Event()
        while last is not None:
            entries = self._gather()
            last = entries[-1]
            if lines := [entry for entry in entries if isinstance(entry, Line)]:
                self._write(lines)
                self._count_bytes(-sum(line.bytes for line in lines))
            if isinstance(last, threading.Event):
                last.set()
            for _ in entries:
                self._queue.task_done()

    def _gather(self) -> list[Line | threading.Event | None]:
        """Return the lines of the next quarter of a second, up to a flush or the end."""
        entries = [self._queue.get()]
        ended = time.monotonic() + _GATHERING_S
        with suppress(Empty):
            while isinstance(entries[-1], Line) and len(entries) < _AT_ONCE:
                entries.append(self._queue.get(timeout=max(0.0, ended - time.monotonic())))
        return entries

    def _write(self, lines: list[Line]) -> None:
        try:
            rows = [
                describe_prediction(line.prediction, line.photo, source="api", **line.facts)
                for line in lines
            ]
            log_predictions(self._workspace, rows)
        except _FAULTS as error:
            _log.error("%d answers could not be logged: %s", len(lines), type(error).__name__)
            self._lose(len(lines))
            return
        for line in lines:
            try:
                keep_photo(self._workspace, line.photo)
            except _FAULTS as error:
                _log.error("a photo could not be kept: %s", type(error).__name__)

    def _count_bytes(self, n_bytes: int) -> None:
        with self._lock:
            self._bytes += n_bytes

    def _lose(self, lines: int) -> None:
        self.lost += lines
        self._on_lost(lines)
