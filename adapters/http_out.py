"""Send HTTP to a URL that somebody else chose, safely, wherever its name leads and whatever it answers.

A name is resolved once, every address of it is checked, and the connection goes to a checked address: resolving it
again would let the name point elsewhere in between ("DNS rebinding"). No redirect is followed, no proxy of the
environment is used, one deadline covers everything, and little of the answer is read.
"""

import functools
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import httpcore

from adapters.instruments import took
from domain.public_addresses import is_public

DEADLINE_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 64 * 1024
EXCERPT_LENGTH_MAX: Final = 1024
_REDIRECTS: Final = range(300, 400)
_TAKEN: Final = 2  # of 2xx


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address that is not one of the open internet."""


class NameNotFound(httpcore.ConnectError):
    """The name leads nowhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result: a status with the beginning of the body, or an error code, or both."""

    status: int | None
    excerpt: str
    error: str | None
    duration_ms: int

    @property
    def is_taken(self) -> bool:
        """Whether the receiver acknowledged the message."""
        return self.error is None and self.status is not None and self.status // 100 == _TAKEN


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allow_private: bool = False,
    deadline_s: float = DEADLINE_S,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send a POST and return the result. Raises nothing that the other side could cause.

    Codes: address_refused, name_not_found, timed_out, redirect_refused, tls_failed, connection_failed, bad_answer.
    """
    started = monotonic()
    backend = _Guard(started + deadline_s, allow_private=allow_private)
    status, excerpt, error = None, "", None
    fixed = {"User-Agent": "Strongroom", "Accept-Encoding": "identity", "Connection": "close"}
    sent = [(name.encode(), value.encode()) for name, value in {**fixed, **headers}.items()]
    timeouts = {"connect": deadline_s, "read": deadline_s, "write": deadline_s, "pool": deadline_s}
    try:
        with (
            httpcore.ConnectionPool(ssl_context=trust or _trusted(), network_backend=backend) as pool,
            pool.stream("POST", url, headers=sent, content=body, extensions={"timeout": timeouts}) as response,
        ):
            status = response.status
            excerpt = _excerpt(response.iter_stream())
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError) as fault:
        error = _code(fault)
    except httpcore.UnsupportedProtocol:
        error = "connection_failed"
    if error is None and status in _REDIRECTS:
        error = "redirect_refused"
    seconds = monotonic() - started
    # People choose the addresses of webhooks: a metric label for each host would have no bound.
    took("webhook", "", error or ("ok" if status is not None and status // 100 == _TAKEN else "refused"), seconds)
    return Answer(status, excerpt, error, round(seconds * 1000))


class _Guard(httpcore.NetworkBackend):
    """Connects to checked addresses only, within what is left of the time."""

    def __init__(self, deadline: float, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is shorter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers. Raises AddressRefused if any of them is not public."""
        addresses = _resolved(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise AddressRefused(host)
        fault: Exception | None = None
        for address in addresses:
            try:
                stream = self._real.connect_tcp(
                    address, port, _left(self._deadline), local_address, socket_options=socket_options
                )
            except httpcore.ConnectError as refused:
                fault = refused
            else:
                return _Bounded(stream, self._deadline)
        raise fault or NameNotFound(host)


class _Bounded(httpcore.NetworkStream):
    """A connection whose every wait ends at one deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is shorter
        """Read what comes, or raise ReadTimeout."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all of it, or raise WriteTimeout."""
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on; the certificate must be the one of the name, not of the address."""
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about the connection below."""
        return self._stream.get_extra_info(info)


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise NameNotFound(host) from fault
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left


def _excerpt(chunks: Iterable[bytes]) -> str:
    """The beginning of a body, as text that PostgreSQL can store; the rest is not read."""
    taken = bytearray()
    for chunk in chunks:
        taken += chunk
        if len(taken) > ANSWER_BYTES_MAX:
            break
    text = bytes(taken[: 4 * EXCERPT_LENGTH_MAX]).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)[:EXCERPT_LENGTH_MAX]


def _code(fault: Exception) -> str:
    named: tuple[tuple[type[Exception], str], ...] = (
        (AddressRefused, "address_refused"),
        (NameNotFound, "name_not_found"),
        (httpcore.TimeoutException, "timed_out"),
        (httpcore.ProtocolError, "bad_answer"),
    )
    for kind, code in named:
        if isinstance(fault, kind):
            return code
    return "tls_failed" if isinstance(fault.__cause__ or fault.__context__, ssl.SSLError) else "connection_failed"


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificate authorities that this machine trusts; cached, since loading them takes longer than most calls."""
    return ssl.create_default_context()
