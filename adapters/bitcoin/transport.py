"""One HTTP connection to a node, through python-bitcoinrpc, with every failure as a named error."""

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

from adapters.bitcoin.endpoint import NodeEndpoint
from adapters.bitcoin.refusals import named
from adapters.instruments import timed, took
from domain.node_refusals import (
    ChainError,
    ChainUncertain,
    NodeBusy,
    NodeError,
    NodeRefused,
    NodeTimeout,
    NodeUnauthorised,
)

# The library takes credentials from the URL, which cannot hold every password: ours go in the header.
_URL: Final = "http://-:-@{host}:{port}{path}"

_PIECE_SIZE: Final = 1 << 18
_QUICK_ACKNOWLEDGE: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)


class Connection:
    """One open connection, for one thread. After any failure it has to be dropped."""

    def __init__(self, endpoint: NodeEndpoint, path: str) -> None:
        """Connect. Raises NodeRefused when nothing listens, NodeUnauthorised when the cookie is missing."""
        self._http = _HttpConnection(endpoint)
        self._url = _URL.format(host=endpoint.host, port=endpoint.port, path=path)
        self._timeout_s = endpoint.timeout_s
        self._peer = f"{endpoint.host}:{endpoint.port}"
        self.bytes_read = 0
        try:
            self._http.connect()
        except OSError as reason:
            took("bitcoin", self._peer, NodeRefused.code, 0.0)
            raise NodeRefused(f"the node at {self._peer} cannot be reached: {reason.strerror or reason}") from reason
        self._http.sock.settimeout(endpoint.timeout_s)

    def call(self, method: str, *params: Any) -> Any:
        """One call, one answer. Raises ChainError; ChainUncertain once the request may have left."""
        with timed("bitcoin", self._peer), _failures_named():
            return _Proxy(self, self._url, method, self._timeout_s)(*params)

    def batch(self, calls: Sequence[Sequence[Any]]) -> list[Any | ChainError]:
        """Make many calls in one round trip; a refused one is a ChainError in its place."""
        with timed("bitcoin", self._peer), _failures_named():
            pairs: list[tuple[Any, ChainError | None]] = _Proxy(self, self._url, None, self._timeout_s).batch_(
                [list(call) for call in calls]
            )
        if len(pairs) != len(calls):
            raise ChainUncertain(f"the node answered {len(pairs)} of {len(calls)} questions")
        return [result if refusal is None else refusal for result, refusal in pairs]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def answer(self) -> Any:
        """Read one HTTP answer, in place of python-bitcoinrpc's `_get_response`.

        Items of a batch become pairs (result, refusal), so that one refused call does not hide the others. The strict
        JSON-RPC 2.0 answers of Core 28 and later, which omit the empty half, are brought into the older form.
        """
        self._http.acknowledge_at_once()
        response = self._http.getresponse()
        body = b"".join(self._pieces(response))
        self.bytes_read = len(body)
        try:
            answer = json.loads(body, parse_float=Decimal)
        except ValueError as reason:
            raise _http_failure(response.status, response.reason) from reason
        if isinstance(answer, list):
            return [{"error": None, "result": _pair(item)} for item in sorted(answer, key=lambda item: item["id"])]
        if answer.get("error") is not None:
            raise JSONRPCException(answer["error"])
        return answer

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        self._http.acknowledge_at_once()
        while piece := response.read1(_PIECE_SIZE):
            yield piece
            self._http.acknowledge_at_once()
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()


class _Proxy(AuthServiceProxy):  # type: ignore[misc]  # the library is not typed
    """python-bitcoinrpc's proxy over our connection and with our reading of answers."""

    def __init__(self, connection: Connection, url: str, method: str | None, timeout_s: float) -> None:
        super().__init__(url, method, timeout_s, connection._http)  # noqa: SLF001 - one module, one secret
        self._connection = connection

    def _get_response(self) -> Any:
        return self._connection.answer()


class _HttpConnection(http.client.HTTPConnection):
    """A connection that adds the endpoint's own Authorization to every request."""

    def __init__(self, endpoint: NodeEndpoint) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=endpoint.connect_timeout_s)
        self._authorization = endpoint.authorization()
        self.auto_open = 0  # a silent reconnect could send a payment twice

    def __del__(self) -> None:
        self.close()  # threads that end, and forked children, drop their connections without closing them

    def acknowledge_at_once(self) -> None:
        """Set TCP_QUICKACK where the system has it; the kernel resets it soon, so this is called for each read.

        Nodes send an answer in pieces and hold the last back until the others are acknowledged, which would cost 40 ms.
        """
        if _QUICK_ACKNOWLEDGE is not None and self.sock is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGE, 1)

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        """As in the standard library, with the Authorization header."""
        super().request(method, url, body, {**(headers or {}), "Authorization": self._authorization}, **options)


def _pair(item: dict[str, Any]) -> tuple[Any, ChainError | None]:
    error = item.get("error")
    return item.get("result"), None if error is None else named(error.get("code"), error.get("message", ""))


def _http_failure(status: int, reason: str) -> ChainError:
    """The error for an answer that is not JSON."""
    match status:
        case http.HTTPStatus.UNAUTHORIZED:
            return NodeUnauthorised("the node does not accept the user name and password")
        case http.HTTPStatus.FORBIDDEN:
            return NodeUnauthorised("the node does not accept calls from this address")
        case http.HTTPStatus.SERVICE_UNAVAILABLE:
            return NodeBusy("the node has more work than it accepts")
        case _ if http.HTTPStatus.BAD_REQUEST <= status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return NodeError(f"the node's address answered HTTP {status} {reason}, not as a node does")
        case _:
            return ChainUncertain(f"the node's address answered HTTP {status} {reason} without an answer")


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except JSONRPCException as refusal:
        raise named(refusal.code, refusal.message or "") from refusal
    except TimeoutError as reason:
        raise NodeTimeout("the node did not answer in time") from reason
    except (OSError, http.client.HTTPException) as reason:
        raise ChainUncertain("the connection to the node broke before it answered") from reason
