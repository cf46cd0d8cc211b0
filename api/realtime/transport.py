"""WebSockets as this house serves them: bounded, uncompressed, and closed when they talk nonsense."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import engineio.socket
import gevent.event
import simple_websocket
import structlog
from engineio.packet import PING, Packet
from wsproto.utilities import ProtocolError

PACKET_BYTES_MAX: Final = 16 * 1024
STILL_S_MAX: Final = 60.0
"""How long a connection may bring nothing, not even the answer to a ping, and how long it may take nothing: whoever
reads no more would hold a writer, a reader and a place in the kernel for as long as they like."""
RECEIVED_BYTES: Final = 2048

log = structlog.get_logger(__name__)


class WholeSends:
    """A socket whose `send` sends all of it: simple-websocket takes for granted that it does."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def send(self, data: bytes) -> int:
        """Send every byte, waiting where the other side is slow. Raises TimeoutError when it takes nothing for long."""
        self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class NoThread:
    """What simple-websocket starts to read ahead, not started: whoever waits reads, which spares a greenlet each."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target

    def start(self) -> None:
        """Do nothing."""


class BoundedWebSocket:
    """One connection, in the form that python-engineio asks of its drivers."""

    def __init__(self, handler: Callable[[Any], Any], _server: Any) -> None:
        self._handler = handler
        self._ws: Any = None

    def __call__(self, environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one connection until it ends. Raises StopIteration, by which gunicorn knows that all is done."""
        # A compressor for each connection would be a quarter of a megabyte, for messages of a hundred bytes.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        # For each request the engine makes a class of its own, for another server than ours.
        environ.pop("eventlet.input", None)
        environ["gunicorn.socket"].settimeout(STILL_S_MAX)
        handshake = {**environ, "gunicorn.socket": WholeSends(environ["gunicorn.socket"])}
        self._ws = simple_websocket.Server(
            handshake,
            receive_bytes=RECEIVED_BYTES,
            max_message_size=PACKET_BYTES_MAX,
            thread_class=NoThread,
            event_class=gevent.event.Event,
        )
        # Of no use once the connection is open, and heavy.
        self._ws.ws.handshake._h11_connection = self._ws.ws.handshake._initiating_request = None  # noqa: SLF001
        self._ws.environ = None
        del handshake
        try:
            self._handler(self)
        except (ValueError, TypeError, IndexError, RecursionError) as nonsense:
            log.info("socket_talked_nonsense", error=type(nonsense).__name__)
            # The method of the engine's own socket that we were given: it knows what is to be told of the end.
            self._handler.__self__.close(wait=False, abort=True)  # type: ignore[attr-defined]
            self.close()
        raise StopIteration

    def close(self) -> None:
        """Close it, if it is open, and let go whoever waits for what the other side may never say."""
        with suppress(OSError):
            if self._ws.connected:
                self._ws.close()
        with suppress(OSError):
            self._ws.sock.shutdown(socket.SHUT_RD)

    def send(self, message: str | bytes) -> None:
        """Send one message. Raises OSError when the connection is closed."""
        try:
            self._ws.send(message)
        except simple_websocket.ConnectionClosed as closed:
            raise OSError from closed

    def wait(self) -> str | bytes | None:
        """The next message, or None when the connection is closed."""
        ws = self._ws
        while ws.connected and not ws.input_buffer:
            try:
                data = ws.sock.recv(RECEIVED_BYTES)
                if not data:
                    return None
                ws.ws.receive_data(data)
                ws.connected = ws._handle_events()  # noqa: SLF001 - what its own thread would do
            except (OSError, ProtocolError):
                ws.connected = False
        received: str | bytes | None = ws.input_buffer.pop(0) if ws.input_buffer else None
        return received


def disconnect_at_once(engine: Any) -> None:
    """Have an engine close connections without waiting until the other side has taken what is still to be said.

    It would wait for ever for a polling client that polls no more.
    """

    def disconnect(sid: str) -> None:
        connection = engine.sockets.pop(sid, None)
        if connection is not None:
            connection.close(wait=False, reason=engine.reason.SERVER_DISCONNECT)

    engine.disconnect = disconnect


class Pings:
    """All connections' pings in one queue, instead of a greenlet that sleeps for each."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._due: deque[tuple[float, Any]] = deque()
        engineio.socket.Socket.schedule_ping = _method(self.schedule)

    def schedule(self, connection: Any) -> None:
        """A connection answered its last ping, or is new: it is due another after the interval."""
        if connection.last_ping:
            connection.last_ping = None
            self._due.append((time.monotonic() + self._server.ping_interval, connection))

    def send_due(self) -> None:
        """Ping those whose time has come. One that did not answer its last is closed by the sending."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, connection = self._due.popleft()
            if not (connection.closing or connection.closed):
                connection.last_ping = time.time()
                connection.send(Packet(PING))


def _method(act: Callable[[Any], None]) -> Callable[[Any], None]:
    """As a function of a class: the connection that calls it is what it is told."""

    def schedule_ping(connection: Any) -> None:
        act(connection)

    return schedule_ping
