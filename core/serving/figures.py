"""Metrics for Prometheus, and the log: one JSON document a line on stderr.

Labels come from bounded lists, never from a client; the log holds no photos or keys.
"""

import json
import logging
import sys
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial

import h11
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from core.monitoring.rules import MEASURES

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

    def show_serving(self, version: str, digest: str) -> None:
        """Set the gauge of the version that answers."""
        self.serving.clear()
        self.serving.labels(version=version, digest=digest[:12]).set(1)

    def show_alarms(self, rules: Collection[str]) -> None:
        """Set the gauge of each rule: 1 where it has an active alarm."""
        for name in MEASURES:
            self.alarm.labels(rule=name).set(name in rules)


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
