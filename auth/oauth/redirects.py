"""Redirect URIs: an exact match of a registered one, except for the port of a loopback address."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LENGTH_MAX: Final = 1000
# Characters of a URI that have no meaning in the headers and pages it is put into.
_CHARACTERS: Final = re.compile(r"[!#-\[\]-~]+", re.ASCII)
# A name, an IPv4 or an IPv6 address, and perhaps a port: it goes into a page's Content-Security-Policy.
_PLACE: Final = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
# A native app's own scheme is a reversed domain name (RFC 8252 7.1), unlike every scheme of a browser.
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.ASCII)


def fault(uri: str) -> str | None:
    """Why a URI cannot be registered, or None when it can."""
    parts = _split(uri) if len(uri) <= _LENGTH_MAX and _CHARACTERS.fullmatch(uri) else None
    if parts is None:
        return "is not an address"
    if "#" in uri or "@" in parts.netloc or "*" in parts.netloc:
        return "must have no fragment, no user and no wildcard"
    if parts.netloc and not _PLACE.fullmatch(parts.netloc):
        return "must name a host as it is written in a certificate"
    if parts.scheme == "https":
        return None if parts.hostname else "must name a host"
    if parts.scheme == "http":
        return None if parts.hostname in _LOOPBACK else "must use https, unless it is on the user's own machine"
    return None if _PRIVATE_SCHEME.fullmatch(parts.scheme) else "must use https, or a scheme like com.example.app"


def allowed(uri: str, registered: list[str]) -> bool:
    """Whether an answer may go to this URI (RFC 9700 2.1; RFC 8252 7.3 for the port)."""
    return uri in registered or any(_same_but_for_port(uri, known) for known in registered)


def _same_but_for_port(uri: str, known: str) -> bool:
    if fault(uri) is not None:
        return False
    asked, listed = _split(uri), _split(known)
    if asked is None or listed is None or listed.scheme != "http" or listed.hostname not in _LOOPBACK:
        return False
    return _without_port(asked) == _without_port(listed)


def _without_port(parts: SplitResult) -> tuple[str, str | None, str, str]:
    return parts.scheme, parts.hostname, parts.path, parts.query


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme else None
