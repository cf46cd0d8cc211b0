"""Logging in tests: plain lines, without rich tracebacks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from wiring.logging import configure_logging
from wiring.settings import Settings


def log_plainly() -> None:
    """Configure plain logging, as at the start of every test.

    structlog's default renders tracebacks with all local variables where rich is installed, as it is for schemathesis,
    which takes seconds.
    """
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ]
    )


@contextmanager
def logging_as_served(settings: Settings) -> Iterator[None]:
    """Log as an installation does within the block, and plainly afterwards.

    Loggers are not kept as they are first used, as they are where it serves: a module's would go on like that in all
    tests after this one, and what those say could not be captured.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(settings)
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
        structlog.contextvars.clear_contextvars()
        log_plainly()
