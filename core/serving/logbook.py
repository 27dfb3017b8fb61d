"""Records of the API: metrics for Prometheus, JSON lines on stderr, and the prediction log.

Labels come from bounded lists, never from a client; the lines hold no photos or keys. Answers are
logged in the background: none waits for it. Where the database is locked or full, rows are dropped
and counted.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import h11
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.prediction.predictor import Prediction
from core.workspace import Workspace

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PHOTOS = (1, 2, 4, 8, 16, 32, 64)
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Figures:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        of_requests = ("route", "method", "status")
        self.requests = counter(
            "petalscope_requests", "Requests by route, method and status.", of_requests
        )
        about = "Seconds for each request, until the end of its answer."
        self.request_seconds = histogram(
            "petalscope_request_seconds", about, ("route",), buckets=_SECONDS
        )
        about = "Photos and requests turned away, by error code."
        self.problems = counter("petalscope_problems", about, ("code",))
        about = "Seconds for each photo: decoding, waiting for its batch, the model."
        self.stage_seconds = histogram(
            "petalscope_stage_seconds", about, ("stage",), buckets=_SECONDS
        )
        about = "Photos in each batch."
        self.batch_photos = histogram("petalscope_batch_photos", about, buckets=_PHOTOS)
        about = "Photos answered, by version and kind: unsure and unlike are the unknown ones."
        self.answers = counter("petalscope_answers", about, ("version", "kind"))
        about = "Best score of each photo, calibrated where the version has a rule."
        self.scores = histogram("petalscope_top_score", about, ("version",), buckets=_SCORES)
        self.photos_waiting = gauge("petalscope_photos_waiting", "Photos in the queue now.")
        about = "1 for the version that answers now."
        self.serving = gauge("petalscope_serving", about, ("version", "digest"))
        about = "1 while a version other than the champion answers."
        self.degraded = gauge("petalscope_degraded", about)
        self.log_waiting = gauge("petalscope_log_waiting", "Answers not yet in the log.")
        self.alarm = gauge("petalscope_alarm", "1 while a rule has an active alarm.", ("rule",))
        self.log_lost = counter("petalscope_log_lost", "Answers missing in the log.")


class JsonLines(logging.Formatter):
    """Writes each log record as a JSON document; `facts` of a record become its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the document."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat()
        facts = {"event": record.getMessage(), "level": record.levelname.lower(), "timestamp": time}
        facts |= {"logger": record.name} | getattr(record, "facts", {})
        # No traceback for the broken HTTP of a client: it could fill the log.
        if record.exc_info and not isinstance(record.exc_info[1], h11.ProtocolError):
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts, ensure_ascii=False, default=str)


journal = logging.getLogger("petalscope.api")


def begin_journal() -> None:
    """Write all log lines, also those of the server and of libraries, as JSON on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in (journal.name, "core", "uvicorn.error", "asyncio", "python_multipart"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)


def note(event: str, facts: Mapping[str, object], level: int = logging.INFO) -> None:
    """Write an event of the API into the log."""
    journal.log(level, event, extra={"facts": facts})


_MOST_LINES = 4096
_MOST_BYTES = 128_000_000
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
        while not self._ended.wait(0.25):
            self.flush()
        self.flush()

    def _write(self, lines: list[Line]) -> None:
        """Write lines, or count them as lost; nothing ends the thread or is written twice."""
        try:
            rows = [
                describe_prediction(line.prediction, line.photo, source="api", **line.facts)
                for line in lines
            ]
            log_predictions(self._workspace, rows)
        except Exception as error:  # noqa: BLE001 (whatever it is, later answers are logged)
            _log.error("%d answers could not be logged: %s", len(lines), type(error).__name__)
            self._lose(len(lines))
            return
        for line in lines:
            try:
                keep_photo(self._workspace, line.photo)
            except Exception as error:  # noqa: BLE001 (as above)
                _log.error("a photo could not be stored: %s", type(error).__name__)

    def _lose(self, lines: int) -> None:
        self.lost += lines
        self._on_lost(lines)
