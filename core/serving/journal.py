"""The log of the API: one JSON document a line on stderr, without photos, keys or bodies."""

import logging
import sys

import structlog

_OTHERS = ("core", "uvicorn.error", "asyncio", "python_multipart")
"""Loggers that have something to say while it serves, besides our own."""


def begin_journal() -> None:
    """Returns nothing; our lines, and those of the server and libraries, have one form from now."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    ours = logging.getLogger("petalscope.api")
    for logger in (ours, *map(logging.getLogger, _OTHERS)):
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
