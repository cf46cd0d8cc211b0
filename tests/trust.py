"""One reading of the trusted certificates for all clients in a test process: httpx takes twenty milliseconds for it."""

from functools import cache

from httpx._transports import default


def share() -> None:
    """Have clients that trust the same share what was read; nobody changes it."""
    default.create_ssl_context = cache(default.create_ssl_context)  # type: ignore[attr-defined]
