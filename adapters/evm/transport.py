"""JSON-RPC over HTTP with one node: bounded in time and size, with every failure as a named error."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import httpx

from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.refusals import AnswerTooLarge, named
from adapters.http_client import ProcessClient
from adapters.instruments import peer_of, timed
from domain.node_refusals import (
    ChainError,
    ChainUncertain,
    NodeBusy,
    NodeError,
    NodeRefused,
    NodeTimeout,
    NodeUnauthorised,
)

CONNECTIONS_MAX: Final = 8
_UNAUTHORISED: Final = frozenset({401, 402, 403})
_TOO_LARGE: Final = 413
_RATE_LIMITED: Final = 429
_SERVER_FAILED: Final = 500


class Call(NamedTuple):
    """One JSON-RPC call: a method and its parameters."""

    method: str
    params: tuple[Any, ...]


class Transport:
    """HTTP to the nodes of one chain, safe to share between threads; a forked child makes connections of its own."""

    def __init__(self, endpoint: EvmEndpoint) -> None:
        self._endpoint = endpoint
        self._http = ProcessClient(self._made)

    def exchange(self, url: str, calls: Sequence[Call]) -> list[Any | ChainError]:
        """Make these calls to one node in one request; a refused one is a ChainError in its place.

        Raises NodeRefused when nothing listens there; NodeTimeout or ChainUncertain when the request may have left and
        no readable answer came; NodeUnauthorised, NodeBusy, AnswerTooLarge, NodeError.
        """
        asked = [
            {"jsonrpc": "2.0", "id": place, "method": call.method, "params": list(call.params)}
            for place, call in enumerate(calls)
        ]
        with timed("evm", peer_of(url)):
            answer = self._post(url, asked if len(asked) > 1 else asked[0])
        if isinstance(answer, dict):
            if len(calls) > 1:  # the batch as a whole was refused
                raise named(answer["error"]) if isinstance(answer.get("error"), dict) else _unreadable()
            answer = [answer]
        if not isinstance(answer, list):
            raise _unreadable()
        by_id = {one.get("id"): one for one in answer if isinstance(one, dict)}
        return [_outcome(by_id.get(place)) for place in range(len(calls))]

    def close(self) -> None:
        """Close the connections; the next exchange opens new ones."""
        self._http.close()

    def _post(self, url: str, asked: Any) -> Any:
        try:
            with self._http.get().stream("POST", url, json=asked) as response:
                _refuse_status(response.status_code)
                body = self._body(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise NodeRefused(f"the node cannot be reached: {type(error).__name__}") from error
        except httpx.PoolTimeout as error:
            raise NodeBusy("every connection to the node is taken") from error
        except httpx.TimeoutException as error:
            raise NodeTimeout(f"the node did not answer within {self._endpoint.timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise ChainUncertain(f"the connection to the node broke: {type(error).__name__}") from error
        try:
            return json.loads(body)
        except ValueError as error:
            raise _unreadable() from error

    def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > self._endpoint.answer_bytes_max:
                raise AnswerTooLarge(f"the node's answer is longer than {self._endpoint.answer_bytes_max} bytes")
        return b"".join(parts)

    def _made(self) -> httpx.Client:
        return httpx.Client(
            timeout=httpx.Timeout(self._endpoint.timeout_s, connect=self._endpoint.connect_timeout_s),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=20),
            follow_redirects=False,
            trust_env=False,
        )


def _refuse_status(status: int) -> None:
    if status in _UNAUTHORISED:
        raise NodeUnauthorised(f"the node answered with HTTP {status}")
    if status == _TOO_LARGE:
        raise AnswerTooLarge("the node answered that the request is too large")
    if status == _RATE_LIMITED:
        raise NodeBusy("the node answers no more questions for now: too many were asked")
    if status >= _SERVER_FAILED:  # a gateway may answer so although the node acted
        raise ChainUncertain(f"the node answered with HTTP {status}")
    if status != httpx.codes.OK:
        raise NodeError(f"the node answered with HTTP {status}")


def _outcome(answer: Any) -> Any:
    """The result or refusal in one part of an answer; ChainUncertain for a missing one."""
    if not isinstance(answer, dict):
        return _unreadable()
    if isinstance(answer.get("error"), dict):
        return named(answer["error"])
    return answer["result"] if "result" in answer else _unreadable()


def _unreadable() -> ChainUncertain:
    return ChainUncertain("the node's answer is not JSON-RPC")
