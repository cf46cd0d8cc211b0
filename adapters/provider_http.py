"""JSON over HTTP with a provider: bounded in time and size, with every failure as a named error."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, NoReturn

import httpx

from adapters.http_client import ProcessClient
from adapters.instruments import peer_of, timed
from domain.node_refusals import ChainUncertain, NodeBusy, NodeError, NodeRefused, NodeTimeout, NodeUnauthorised

CONNECTIONS_MAX: Final = 8
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_UNAUTHORISED: Final = frozenset({401, 403})
_TIMED_OUT: Final = 408
_SERVER_FAILED: Final = 500
_REDIRECTED: Final = range(300, 400)
_LEAVES_ALONE: Final = frozenset({429, 503})
QUIET_MAX_S: Final = 600
"""The longest Retry-After that is obeyed."""


@dataclass(frozen=True, slots=True)
class ProviderEndpoint:
    """Where a provider answers, and the key that opens it."""

    url: str
    api_key: str = field(repr=False)
    timeout_s: float = 20.0
    connect_timeout_s: float = 5.0


class Answer(NamedTuple):
    """A status and its JSON object. Statuses that mean the same everywhere are raised as errors instead."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_ok(self) -> bool:
        """Whether the provider did what was asked."""
        return httpx.codes.is_success(self.status)


class ProviderHttp:
    """HTTP to one provider, safe to share between threads; a forked child makes connections of its own."""

    def __init__(self, endpoint: ProviderEndpoint) -> None:
        self._endpoint = endpoint
        self._http = ProcessClient(self._made)
        self._quiet_until = 0.0

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Ask. Raises NodeRefused, NodeTimeout, ChainUncertain, NodeUnauthorised, NodeBusy, NodeError."""
        with timed("provider", peer_of(self._endpoint.url)):
            return self._send("GET", path, params=params)

    def post(self, path: str, body: str) -> Answer:
        """Send a POST of exactly this body. Raises what `get` does; after ChainUncertain it may have taken effect."""
        with timed("provider", peer_of(self._endpoint.url)):
            return self._send("POST", path, content=body)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._http.close()

    def _send(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, content: str | None = None
    ) -> Answer:
        left_s = self._quiet_until - time.monotonic()
        if left_s > 0:
            raise NodeBusy(f"the provider asked to be left alone, for {left_s:.0f} s more")
        try:
            with self._http.get().stream(method, path, params=params, content=content) as response:
                if response.status_code in _LEAVES_ALONE:
                    self._quiet_until = time.monotonic() + _quiet_s(response.headers.get("Retry-After", ""))
                _refuse_status(response.status_code)
                return Answer(response.status_code, _object(self._read(response)))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise NodeRefused(f"the provider cannot be reached: {type(error).__name__}") from error
        except httpx.PoolTimeout as error:
            raise NodeBusy("every connection to the provider is taken") from error
        except httpx.TimeoutException as error:
            raise NodeTimeout(f"the provider did not answer within {self._endpoint.timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise ChainUncertain(f"the connection to the provider broke: {type(error).__name__}") from error

    def _read(self, response: httpx.Response) -> bytes:
        """The whole answer, within a size and a deadline that also cuts off a body that trickles in."""
        parts, size, started = [], 0, time.monotonic()
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise ChainUncertain(f"the provider's answer is longer than {ANSWER_BYTES_MAX} bytes")
            if time.monotonic() - started > self._endpoint.timeout_s:
                raise NodeTimeout(f"the provider's answer was not complete within {self._endpoint.timeout_s:g} s")
        return b"".join(parts)

    def _made(self) -> httpx.Client:
        return httpx.Client(
            base_url=self._endpoint.url,
            headers={
                "Authorization": f"Bearer {self._endpoint.api_key}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            timeout=httpx.Timeout(self._endpoint.timeout_s, connect=self._endpoint.connect_timeout_s),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=20),
            follow_redirects=False,
            trust_env=False,
        )


def _quiet_s(retry_after: str) -> float:
    """The seconds in a Retry-After header (RFC 9110 10.2.3), which may be a date; 0 for none that can be read."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), QUIET_MAX_S)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), QUIET_MAX_S)


def _refuse_status(status: int) -> None:
    if status in _UNAUTHORISED:
        raise NodeUnauthorised(f"the provider answered with HTTP {status}")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise NodeBusy("the provider answers no more requests for now: too many were made")
    if status >= _SERVER_FAILED or status == _TIMED_OUT:  # a gateway may answer so although the provider acted
        raise ChainUncertain(f"the provider answered with HTTP {status}")
    if status in _REDIRECTED:
        raise NodeError(f"the provider points elsewhere, with HTTP {status}")


def _object(raw: bytes) -> Mapping[str, Any]:
    """The JSON object in it, with fractions as Decimal: a float would round an amount."""
    try:
        body = json.loads(raw, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ChainUncertain("the provider's answer is not JSON") from error
    if not isinstance(body, dict):
        raise ChainUncertain("the provider's answer is not a JSON object")
    return body


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
