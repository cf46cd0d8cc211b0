"""Where a key or a password may be sent without TLS: to this host, and over what nobody outside can listen in on."""

from typing import Final
from urllib.parse import urlsplit

from domain.public_addresses import is_public

_SUFFIXES: Final = (".onion", ".internal", ".local", ".localhost", ".lan", ".home.arpa")
"""Names that lead nowhere on the open internet (RFC 6761, 6762, 7686, 8375; .internal by ICANN), and Tor."""


def allowed_hosts(listed: str) -> frozenset[str]:
    """The hosts that a setting names, separated by commas."""
    return frozenset(host.strip().lower().strip("[]") for host in listed.split(",") if host.strip())


def in_the_clear(url: str, allowed: frozenset[str] = frozenset()) -> str:
    """The host to which what is sent to this address travels readable by others; "" where it does not.

    A name is judged as it is spelled and never looked up: one without a dot is of a network of ours.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""
    if parts.scheme != "http" or not host or host in allowed or _is_ours(host):
        return ""
    return host


def may_hold_a_key(url: str) -> bool:
    """Whether an address has a name, a password, a path or a query in it, any of which may be what opens it."""
    parts = urlsplit(url)
    return "@" in parts.netloc or parts.path not in {"", "/"} or bool(parts.query)


def _is_ours(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        # An address may be spelled as a number, or with leading noughts: that is no name of ours.
        is_name = "." not in host and not host.isdigit() and not host.startswith("0x")
        return is_name or host.endswith(_SUFFIXES)
