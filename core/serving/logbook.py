"""Writes answers into the prediction log behind the answers, which never wait for it.

One thread writes what has gathered. Where the database is locked or full, lines are given up and
counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

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
_TRIES = 2
_FAULTS = (SQLAlchemyError, OSError, PetalscopeError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """An answer that is to be logged."""

    id: str
    prediction: Prediction
    photo: Photo
    latency_ms: float
    client: str

    @property
    def bytes(self) -> int:
        """What it takes in memory, nearly."""
        made = self.prediction
        arrays = made.photo.nbytes + made.features.nbytes + made.scores.nbytes
        return len(self.photo.content) + arrays


class Logbook:
    """A bounded heap of lines, and the thread that writes them down."""

    def __init__(self, workspace: Workspace, on_lost: Callable[[int], None]) -> None:
        """Prepare; `on_lost` is told how many lines were given up."""
        self._workspace = workspace
        self._on_lost = on_lost
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._taken = self._done = 0
        self.lost = 0
        self._is_closing = False
        self._is_hurried = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="logbook", daemon=True)

    @property
    def waiting(self) -> int:
        """Lines that are not written yet."""
        return self._taken - self._done

    def start(self) -> None:
        """Return at once; lines are written from now on."""
        self._thread.start()

    def add(self, line: Line) -> None:
        """Return at once; the line will be written, or given up where too many wait."""
        with self._changed:
            full = len(self._lines) >= _MOST_LINES or self._bytes > _MOST_BYTES
            if not full and not self._is_closing:
                self._lines.append(line)
                self._bytes += line.bytes
                self._taken += 1
                self._changed.notify_all()
                return
        self._lose(1)

    def flush(self, timeout_s: float) -> bool:
        """Return whether all lines that wait now are written (or given up) within the time.

        Those that come meanwhile do not count: under load there is always one that waits.
        """
        with self._changed:
            before = self._taken
            self._is_hurried = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= before, timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Return when what waits is written, or the time is over: the rest is counted lost."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._lose(self.waiting)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._is_closing)
                if not self._lines:
                    return
                self._changed.wait_for(self._is_time_to_write, _GATHERING_S)
                self._is_hurried = False
                count = min(len(self._lines), _AT_ONCE)
                lines = [self._lines.popleft() for _ in range(count)]
                self._bytes -= sum(line.bytes for line in lines)
            self._write(lines)
            with self._changed:
                self._done += len(lines)
                self._changed.notify_all()

    def _is_time_to_write(self) -> bool:
        return self._is_closing or self._is_hurried or len(self._lines) >= _AT_ONCE

    def _write(self, lines: list[Line]) -> None:
        rows = [
            describe_prediction(
                line.prediction,
                line.photo,
                source="api",
                latency_ms=line.latency_ms,
                visitor=line.client,
                id=line.id,
            )
            for line in lines
        ]
        for left in reversed(range(_TRIES)):
            try:
                log_predictions(self._workspace, rows)
                break
            except _FAULTS as error:
                _log.error("%d answers could not be logged: %s", len(rows), type(error).__name__)
                if left == 0:
                    self._lose(len(rows))
                    return
        for line in lines:
            try:
                keep_photo(self._workspace, line.photo)
            except _FAULTS as error:
                _log.error("a photo could not be kept: %s", type(error).__name__)

    def _lose(self, lines: int) -> None:
        self.lost += lines
        self._on_lost(lines)
