"""Writes answers into the prediction log in the background: an answer never waits for it.

Where the database is locked or full, lines are dropped and counted.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from core.errors import PetalscopeError
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.prediction.predictor import Prediction
from core.workspace import Workspace

_MOST_LINES = 4096
_MOST_BYTES = 128_000_000
_WRITTEN_EVERY_S = 0.25
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
    """A bounded list of lines, and the thread that writes them every quarter of a second."""

    def __init__(self, workspace: Workspace, on_lost: Callable[[int], None]) -> None:
        """Prepare; `on_lost` gets the number of dropped lines."""
        self._workspace = workspace
        self._on_lost = on_lost
        self._lines: list[Line] = []
        self._bytes = 0
        self._lock = threading.Lock()
        """Held while the list is changed, never while it is written."""
        self._turn = threading.Lock()
        """Held while lines are written."""
        self._ended = threading.Event()
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="logbook", daemon=True)

    @property
    def waiting(self) -> int:
        """Lines not yet written."""
        return len(self._lines)

    def start(self) -> None:
        """Begin to write lines."""
        self._thread.start()

    def add(self, line: Line) -> None:
        """Queue a line; drop it where too many wait."""
        with self._lock:
            is_full = len(self._lines) >= _MOST_LINES or self._bytes > _MOST_BYTES
            is_taken = not (is_full or self._ended.is_set())
            if is_taken:
                self._lines.append(line)
                self._bytes += line.bytes
        if not is_taken:
            self._lose(1)

    def flush(self, timeout_s: float = -1) -> bool:
        """Write, or drop, all lines queued so far; return False where other lines take too long.

        Args:
            timeout_s: How long to wait for a thread that writes already; -1: until it ends.
        """
        if not self._turn.acquire(timeout=timeout_s):
            return False
        try:
            if lines := self._lines[:]:
                self._write(lines)
                with self._lock:
                    del self._lines[: len(lines)]
                    self._bytes -= sum(line.bytes for line in lines)
        finally:
            self._turn.release()
        return True

    def close(self, timeout_s: float = 10.0) -> None:
        """Write the waiting lines; count the rest as lost after the timeout."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._lose(self.waiting)

    def _work(self) -> None:
        while not self._ended.wait(_WRITTEN_EVERY_S):
            self.flush()
        self.flush()

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

    def _lose(self, lines: int) -> None:
        self.lost += lines
        self._on_lost(lines)
