"""How the text of an environment variable becomes a value, and how it is refused."""

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from domain.providers import PROVIDERS
from domain.rails import RAILS
from wiring.secret import Secret

T = TypeVar("T")
_PORTS: Final = {"http": 80, "https": 443}
Parser = Callable[[str], T]
"""Reads a stripped, non-empty text; raises ValueError with words that follow the name ("must be …")."""


class SettingsRefused(Exception):
    """The environment does not describe a runnable installation; `faults` holds one sentence for each reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def text(value: str) -> str:
    """Any text."""
    return value


def path(value: str) -> Path:
    """A file system path; `~` is the home directory."""
    return Path(value).expanduser()


def secret_url(*schemes: str) -> Parser[Secret]:
    """An address with one of these schemes, kept secret because it holds a password."""

    def parse(value: str) -> Secret:
        return Secret(url(*schemes)(value))

    return parse


def redis_url(value: str) -> Secret:
    """A redis:// or rediss:// address; what follows the host is nothing or a database number."""
    address = url("redis", "rediss")(value)
    database = urlsplit(address).path.strip("/")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError("must end with the host and port, or with a database number after a slash")
    return Secret(address)


def secret_of(*, characters_min: int) -> Parser[Secret]:
    """A secret of at least so many characters."""

    def parse(value: str) -> Secret:
        if len(value) < characters_min:
            raise ValueError(f"must have at least {characters_min} characters")
        return Secret(value)

    return parse


def named_secrets(value: str) -> tuple[tuple[str, Secret], ...]:
    """Secrets by name, written name=secret and separated by commas; none of it is repeated in the refusal."""
    pairs = [part.strip().partition("=") for part in value.split(",")]
    names = [name for name, _, _ in pairs]
    printable = value.isascii() and value.isprintable()
    if not printable or len(set(names)) < len(names) or not all(name and secret for name, _, secret in pairs):
        raise ValueError("must be name=secret, separated by commas, in printable ASCII and with each name once")
    return tuple((name, Secret(secret)) for name, _, secret in pairs)


def one_of(*choices: str) -> Parser[str]:
    """One of these words, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return parse


def boolean(value: str) -> bool:
    """Yes or no."""
    words = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
    if value.lower() not in words:
        raise ValueError("must be yes or no")
    return words[value.lower()]


def integer(least: int, most: int) -> Parser[int]:
    """A whole number within bounds, both included."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def seconds(least: float, most: float) -> Parser[float]:
    """A time in seconds within bounds, both included."""

    def parse(value: str) -> float:
        message = f"must be a number of seconds from {least:g} to {most:g}"
        try:
            number = float(value)
        except ValueError as error:
            raise ValueError(message) from error
        if not math.isfinite(number) or not least <= number <= most:
            raise ValueError(message)
        return number

    return parse


def url(*schemes: str) -> Parser[str]:
    """An address with one of these schemes; its text is not repeated in the refusal, for it may hold a password."""

    def parse(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"must be an address starting with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value.rstrip("/")

    return parse


def origin(*schemes: str) -> Parser[str]:
    """A scheme, a host and perhaps a port, spelled as browsers spell an origin (RFC 6454 6.2): nothing may follow."""

    def parse(value: str) -> str:
        address = url(*schemes)(value)
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or "@" in parts.netloc or address[len(f"{parts.scheme}://{parts.netloc}") :] or not _is_plain(host):
            raise ValueError("must be a scheme, a host and perhaps a port, and nothing more")
        spelled = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{spelled}" + ("" if port in {None, _PORTS[parts.scheme]} else f":{port}")

    return parse


def _is_plain(host: str) -> bool:
    return host.isascii() and host.isprintable() and not set(host) & set(" \\,;'\"")


def screening_url(value: str) -> Secret:
    """An address that names the sender it asks about; kept secret because it may hold a key."""
    if "{address}" not in value:
        raise ValueError("must have {address} where the sender belongs")
    return Secret(url("http", "https")(value))


def unknown_network(chain: str) -> str | None:
    """Why this is no network that Strongroom knows, or None when it is one."""
    if chain in RAILS and chain not in PROVIDERS:
        return None
    nearest = get_close_matches(chain, RAILS, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(RAILS)}"
    return f"names {chain!r}, which is not a network{hint}"
