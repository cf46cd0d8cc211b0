"""Fetch JSON within a time-out and a size limit, and read it exactly: no number becomes a float."""

import json
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, NoReturn

import httpx

from adapters.instruments import peer_of, timed
from domain.errors import StrongroomError

BYTES_MAX: Final = 1_000_000
DEPTH_MAX: Final = 200
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:\\.|[^"\\])*"|[\[\]{}]', re.DOTALL)
OK: Final = 200


class NoAnswer(StrongroomError):
    """The service did not answer in time, or not with the expected data."""

    code: ClassVar[str] = "no_answer"


def fetch(url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> Any:
    """The document at a URL, without following redirects. Raises NoAnswer, which does not name the URL."""
    with timed("http", peer_of(url)):
        return _fetched(url, timeout_s=timeout_s, headers=headers or {})


def _fetched(url: str, *, timeout_s: float, headers: Mapping[str, str]) -> Any:
    try:
        with (
            httpx.Client(timeout=timeout_s, headers=dict(headers), trust_env=False) as http,
            http.stream("GET", url) as response,
        ):
            if response.status_code != OK:
                raise NoAnswer(f"it answered {response.status_code}")
            body = _body(response, time.monotonic() + timeout_s)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(f"it did not answer: {type(error).__name__}") from error
    if _too_deep(body):
        raise NoAnswer("its answer is nested too deeply")
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("its answer is not JSON") from error


def pick(document: Any, path: str) -> Any:
    """The value at a path such as `result.0.price`: keys of objects and indexes of lists. Raises NoAnswer."""
    found = document
    for step in path.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise NoAnswer(f"its answer has nothing at {path!r}")
    return found


def _body(response: httpx.Response, deadline_s: float) -> bytes:
    """The whole answer, by a deadline that also cuts off a body that trickles in."""
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > BYTES_MAX:
            raise NoAnswer("its answer is too large")
        if time.monotonic() > deadline_s:
            raise NoAnswer("its answer takes too long")
    return body


def _too_deep(body: bytes) -> bool:
    """Whether the parser would recurse deeper than DEPTH_MAX; Python's own recursion limit may have been raised."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        if found[0] in {b"[", b"{"}:
            depth += 1
            if depth > DEPTH_MAX:
                return True
        elif found[0] in {b"]", b"}"}:
            depth -= 1
    return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
