"""Where a key or a password may be sent without TLS: to this host, and over networks that no stranger can read."""

from typing import Final
from urllib.parse import urlsplit

from domain.public_addresses import is_public

_SUFFIXES: Final = (".onion", ".internal", ".local", ".localhost", ".lan", ".home.arpa")
"""Names that do not resolve on the open internet (RFC 6761, 6762, 8375; .internal by ICANN), and Tor (RFC 7686)."""


def allowed_hosts(listed: str) -> frozenset[str]:
    """The hosts that a setting names, separated by commas."""
    return frozenset(host.strip().lower().strip("[]") for host in listed.split(",") if host.strip())


def in_the_clear(url: str, allowed: frozenset[str] = frozenset()) -> str:
    """The host that a request to this address would reach unencrypted, over a network others can read; "" if none.

    A name is judged by its spelling and never resolved: one without a dot belongs to a network of ours.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""
    if parts.scheme != "http" or not host or host in allowed or _is_private(host):
        return ""
    return host


def may_hold_a_key(url: str) -> bool:
    """Whether an address holds a user name, a password, a path or a query: any of these may be a secret."""
    parts = urlsplit(url)
    return "@" in parts.netloc or parts.path not in {"", "/"} or bool(parts.query)


def _is_private(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        # An address may be spelled as a number, or with leading noughts: that is no name of ours.
        is_name = "." not in host and not host.isdigit() and not host.startswith("0x")
        return is_name or host.endswith(_SUFFIXES)
