"""Settings that contradict each other: each is valid alone, and together they would not do what they say."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from wiring import plain_http
from wiring.chain_settings import PREFIX

# Pairs: the second has no effect without the first.
_NEEDS: Final = (
    ("smtp_host", "smtp_username"),
    ("smtp_username", "smtp_password"),
    ("smtp_password", "smtp_username"),
    ("screening_url", "screening_token"),
    ("turn_urls", "turn_secret"),
)


def conflicts(values: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each contradiction. `values` are the settings that were given, by the names of their fields."""
    for needed, said in _NEEDS:
        if said in values and needed not in values:
            yield f"{_name(said)} is set and {_name(needed)} is not"
    public, realtime = values.get("public_url", ""), values.get("realtime_url", "")
    if public.startswith("https:") and realtime.startswith("http:"):
        yield f"{_name('realtime_url')} must begin with https:// as {_name('public_url')} does: browsers refuse to mix"
    if (
        "smtp_password" in values
        and values.get("smtp_security") == "none"
        and not _is_this_host(values.get("smtp_host"))
    ):
        yield f"{_name('smtp_security')} is none, which would send the password in the clear to another host"
    yield from plain_http.refusals(values)
    if values.get("environment") == "production":
        yield from _in_production(values)


def _in_production(values: Mapping[str, Any]) -> Iterator[str]:
    parts = urlsplit(values.get("public_url", ""))
    if parts.scheme == "http" and not _needs_no_tls(parts.hostname):
        yield f"{_name('public_url')} must begin with https:// in production: sessions would travel in the clear"
    if values.get("webhook_private"):
        yield f"{_name('webhook_private')} is for development: anybody's webhook could reach what is inside"


def _needs_no_tls(host: str | None) -> bool:
    """Whether traffic to this host stays private without TLS: it is this host, or a Tor service."""
    return _is_this_host(host) or (host or "").endswith(".onion")


def _is_this_host(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _name(field: str) -> str:
    return PREFIX + field.upper()
