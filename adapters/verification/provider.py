"""One provider over HTTP: bounded in time and size, with its keys kept out of recorded evidence."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from adapters.http_client import ProcessClient
from adapters.instruments import peer_of, timed
from adapters.verification.asking import Answer, ProviderFailed, Request, parse_json
from domain.claim_reading import Exchange

ANSWER_BYTES_MAX: Final = 4_000_000
_RATE_LIMITED: Final = 429
# A part of an address this long, or that is no plain word, may be a key.
_KEY_LENGTH_MIN: Final = 16
# A shorter one cannot be told from ordinary words and numbers in an answer.
_PASSWORD_LENGTH_MIN: Final = 8
_REDACTED: Final = "[redacted]"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's address and headers, which may hold keys and so never show in `repr`."""

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    credentials: Callable[[], tuple[str, str] | None] = field(default=lambda: None, repr=False)
    """User name and password, read for each request, for nodes that write them into a file."""
    timeout_s: float = 10.0

    @property
    def name(self) -> str:
        """What records call it: host and port, which hold no key."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    def place_of(self, path: str) -> str:
        """The URL of this path below the address, before the address's query, which may hold the key."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=parts.path + path)) if path and parts.query else self.url + path

    def secrets(self) -> list[str]:
        """The secrets in its address and headers, to be masked in records."""
        parts = urlsplit(self.url)
        words = [*re.split(r"[/=&]", f"{parts.path}&{parts.query}"), *(value for _, value in self.headers)]
        kept = [word for word in (*words, parts.username or "") if len(word) >= _KEY_LENGTH_MIN]
        return [*kept, *([parts.password] if parts.password and len(parts.password) >= _PASSWORD_LENGTH_MIN else [])]


def connections() -> ProcessClient:
    """HTTP connections to the providers of one reader."""
    return ProcessClient(partial(httpx.Client, follow_redirects=False, trust_env=False))


class Asked:
    """Asks one provider and records every exchange (implements `Ask`)."""

    def __init__(self, name: str, provider: Provider, http: ProcessClient) -> None:
        self._name = name
        self.exchanges: list[Exchange] = []
        self._provider = provider
        self._http = http

    def __call__(self, request: Request) -> Answer:
        """Ask once. Raises ProviderFailed without a readable answer."""
        asked_at, started = datetime.now(UTC), time.perf_counter()
        status, text, failure = 0, None, ""
        try:
            with timed("verification", peer_of(self._provider.url)):
                status, text = self._send(request)
            return Answer(status, parse_json(text))
        except ProviderFailed as fault:
            failure, text = str(fault), None
            raise
        finally:
            self.exchanges.append(
                Exchange(
                    provider=self._name,
                    request=request.spelled(),
                    status=status,
                    answer=None if text is None else self._redacted(text),
                    failure=self._redacted(failure),
                    asked_at=asked_at,
                    duration_ms=round((time.perf_counter() - started) * 1000),
                )
            )

    def _send(self, request: Request) -> tuple[int, str]:
        method, content, headers = "GET", None, dict(self._provider.headers)
        if request.body is not None:
            method, content = "POST", json.dumps(request.body).encode()
            headers["Content-Type"] = "application/json"
        credentials = self._provider.credentials()
        try:
            with self._http.get().stream(
                method,
                self._provider.place_of(request.path),
                content=content,
                headers=headers,
                timeout=self._provider.timeout_s,
                auth=credentials or httpx.USE_CLIENT_DEFAULT,
            ) as response:
                if response.status_code == _RATE_LIMITED:
                    raise ProviderFailed("it answers no more questions for now (HTTP 429)")
                return response.status_code, _body(response, self._provider.timeout_s)
        except httpx.TimeoutException as fault:
            raise ProviderFailed(f"no answer within {self._provider.timeout_s:g} s") from fault
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise ProviderFailed(f"it cannot be reached ({type(fault).__name__})") from fault

    def _redacted(self, text: str) -> str:
        for secret in self._provider.secrets():
            text = text.replace(secret, _REDACTED)
        return text


def _body(response: httpx.Response, time_max_s: float) -> str:
    """The whole body, within a size and a deadline."""
    parts, size, started = [], 0, time.monotonic()
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise ProviderFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() - started > time_max_s:
            raise ProviderFailed(f"the answer was not complete within {time_max_s:g} s")
    return b"".join(parts).decode("utf-8", "replace")
