"""Log lines: readable in a terminal, JSON elsewhere, with the ids of the request or task, and without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

import structlog
from structlog.typing import Processor

from wiring.secret import MASK, Secret
from wiring.settings import Settings

_SENSITIVE_NAME: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token|authorization|cookie|private_?key|mnemonic|api_?key|csrf", re.IGNORECASE
)
_CREDENTIALS_IN_URL: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^:/@\s]*):[^@/\s]+@", re.IGNORECASE)
_DEPTH_MAX: Final = 4
_NAMES_REMEMBERED: Final = 1024

# Their information is ours to know, not to read all day.
_QUIET: Final = (
    "alembic",
    "celery.worker.strategy",
    "celery.app.trace",
    "celery.beat",
    "kombu",
    "geventwebsocket",
    # It says every address that it asks, in which a node's operator may have put a key.
    "httpx",
    "tornado.access",
    "wiring.fair_pool",  # SQLAlchemy's pool logs as the class that it is
)


def configure_logging(settings: Settings) -> None:
    """Send everything, structlog's lines and the standard library's, through one formatter to standard output.

    Safe to repeat, as after a fork.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(is_pretty(settings)))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_level(settings))
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(_level(settings), logging.WARNING))
    logging.captureWarnings(True)


def is_pretty(settings: Settings) -> bool:
    """Whether a person reads along: as told, and if not told, when standard output is a terminal."""
    return settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stdout.isatty())


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what a line must not show: values under telling names, secrets, and passwords inside addresses."""
    return {key: _clean(key, value, _DEPTH_MAX) for key, value in line.items()}


def mask_credentials(text: str) -> str:
    """The text with the password of every address in it masked."""
    if "://" not in text:
        return text
    return _CREDENTIALS_IN_URL.sub(rf"\g<scheme>\g<user>:{MASK}@", text)


def _rendering(pretty: bool) -> list[Processor]:  # noqa: FBT001 - private, and called by name of the thing
    if pretty:
        # The exception is rendered before redaction, so that an address in its text is masked like any other.
        return [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=True, pad_event_to=32),
        ]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer(default=str),
    ]


def _clean(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, Secret) or (_is_sensitive(name) and value is not None):
        return MASK
    if isinstance(value, str):
        return mask_credentials(value)
    if depth and isinstance(value, Mapping):
        return {key: _clean(str(key), inner, depth - 1) for key, inner in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner, depth - 1) for inner in value]
    if isinstance(value, int | float | None):
        return value
    return mask_credentials(str(value))


@lru_cache(_NAMES_REMEMBERED)
def _is_sensitive(name: str) -> bool:
    """Lines say the same few names over and over."""
    return _SENSITIVE_NAME.search(name) is not None


def _level(settings: Settings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()]
