"""Screening by a JSON service, one address at a time."""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote

from adapters.http_json import NoAnswer, fetch, pick

TIMEOUT_S: Final = 5.0
ADDRESSES_MAX: Final = 200
"""A payment from more addresses than this needs a person's decision."""


class HttpScreening:
    """Asks a service about senders (implements `domain.ports.Screening`).

    `url` contains `{address}` and may contain `{chain}`. An address is a hit if the value at `hit_path` in the answer
    is true or a list that is not empty. The sanctions API at
    https://auth-developers.chainalysis.com/sanctions-screening has this shape, with the path `identifications`.
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
        """Why these senders are refused, or None. Raises NoAnswer when the service does not decide."""
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
    """No service is configured: no sender can be screened, so a rail that requires screening credits nothing."""

    def look_up(self, chain: str, addresses: Collection[str]) -> str | None:  # noqa: ARG002 - the port's signature
        """Raises NoAnswer."""
        raise NoAnswer("no screening service is configured")
