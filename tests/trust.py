"""Load the trusted certificates once per test process: httpx would take twenty milliseconds for each client."""

from functools import cache

from httpx._transports import default


def share() -> None:
    """Share the loaded certificates between clients; nobody changes them."""
    default.create_ssl_context = cache(default.create_ssl_context)  # type: ignore[attr-defined]
