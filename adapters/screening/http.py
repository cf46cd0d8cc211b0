"""Screening by a service that is asked about one address at a time and answers in JSON."""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote

from adapters.http_json import NoAnswer, fetch, pick

TIMEOUT_S: Final = 5.0
ADDRESSES_MAX: Final = 200
"""A payment from more addresses than this is for a person to look at."""


class HttpScreening:
    """Asks a service about senders (implements `domain.ports.Screening`).

    `url` holds `{address}` and may hold `{chain}`. What is at `hit_path` in the answer says whether there is something
    against the address: true, or a list with anything in it. That is the shape of the sanctions API at
    https://auth-developers.chainalysis.com/sanctions-screening, whose path is `identifications`.
    """

    def __init__(
        self, url: str, *, hit_path: str, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._url = url
        self._hit_path = hit_path
        self._headers = dict(headers or {})
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return "HttpScreening()"

    def look_up(self, chain: str, addresses: Collection[str]) -> str | None:
        """Why these senders are refused, or None. Raises NoAnswer when the service does not say either."""
        if len(addresses) > ADDRESSES_MAX:
            raise NoAnswer(f"{len(addresses)} senders are more than are asked about")
        for address in sorted(addresses):
            where = self._url.replace("{address}", quote(address, safe="")).replace("{chain}", quote(chain, safe=""))
            answer = pick(fetch(where, timeout_s=self._timeout_s, headers=self._headers), self._hit_path)
            if not isinstance(answer, bool | list):
                raise NoAnswer(f"its answer at {self._hit_path!r} says neither yes nor no")
            if answer:
                return f"the screening service names {address}"
        return None


class NullScreening:
    """No service is configured: nothing is known of anybody, so a rail that requires one credits nothing."""

    def look_up(self, chain: str, addresses: Collection[str]) -> str | None:  # noqa: ARG002 - the port's signature
        """Raises NoAnswer."""
        raise NoAnswer("no screening service is configured")
