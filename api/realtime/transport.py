"""WebSockets with bounded messages and time-outs, without compression, closed on protocol errors."""

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
"""How long a connection may send nothing, not even a pong, and how long it may read nothing: a client that does not
read would hold a writer, a reader and a kernel buffer without limit."""
RECEIVED_BYTES: Final = 2048

log = structlog.get_logger(__name__)


class WholeSends:
    """A socket whose `send` sends everything, as simple-websocket expects."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def send(self, data: bytes) -> int:
        """Send all bytes, waiting for a slow peer. Raises TimeoutError if it reads nothing for too long."""
        self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class NoThread:
    """Replaces the reading thread of simple-websocket: the waiting greenlet reads by itself, which saves one each."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target

    def start(self) -> None:
        """Do nothing."""


class BoundedWebSocket:
    """One connection, with the interface that python-engineio expects of its drivers."""

    def __init__(self, handler: Callable[[Any], Any], _server: Any) -> None:
        self._handler = handler
        self._ws: Any = None

    def __call__(self, environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one connection until it ends. Raises StopIteration, which tells gunicorn that the request is done."""
        # A compressor would take a quarter of a megabyte per connection, for messages of a hundred bytes.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        # The engine makes a class for each request, for another server than ours.
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
        # Large, and not needed once the connection is open.
        self._ws.ws.handshake._h11_connection = self._ws.ws.handshake._initiating_request = None  # noqa: SLF001
        self._ws.environ = None
        del handshake
        try:
            self._handler(self)
        except (ValueError, TypeError, IndexError, RecursionError) as nonsense:
            log.info("socket_talked_nonsense", error=type(nonsense).__name__)
            # The engine's socket whose method was passed in has to learn of the end.
            self._handler.__self__.close(wait=False, abort=True)  # type: ignore[attr-defined]
            self.close()
        raise StopIteration

    def close(self) -> None:
        """Close the connection and wake whoever waits for its next message."""
        with suppress(OSError):
            if self._ws.connected:
                self._ws.close()
        with suppress(OSError):
            self._ws.sock.shutdown(socket.SHUT_RD)

    def send(self, message: str | bytes) -> None:
        """Send one message. Raises OSError if the connection is closed."""
        try:
            self._ws.send(message)
        except simple_websocket.ConnectionClosed as closed:
            raise OSError from closed

    def wait(self) -> str | bytes | None:
        """The next message, or None once the connection is closed."""
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
    """Have an engine close connections without waiting for the peer to read what is queued.

    It would wait for ever for a polling client that has stopped polling.
    """

    def disconnect(sid: str) -> None:
        connection = engine.sockets.pop(sid, None)
        if connection is not None:
            connection.close(wait=False, reason=engine.reason.SERVER_DISCONNECT)

    engine.disconnect = disconnect


class Pings:
    """The pings of all connections in one queue, instead of a sleeping greenlet for each."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._due: deque[tuple[float, Any]] = deque()
        engineio.socket.Socket.schedule_ping = _method(self.schedule)

    def schedule(self, connection: Any) -> None:
        """Schedule the next ping of a connection that is new or answered its last."""
        if connection.last_ping:
            connection.last_ping = None
            self._due.append((time.monotonic() + self._server.ping_interval, connection))

    def send_due(self) -> None:
        """Send the pings that are due. Sending closes a connection that did not answer its last one."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, connection = self._due.popleft()
            if not (connection.closing or connection.closed):
                connection.last_ping = time.time()
                connection.send(Packet(PING))


def _method(act: Callable[[Any], None]) -> Callable[[Any], None]:
    """As a plain function, which as a class attribute becomes a method: `act` is given the connection."""

    def schedule_ping(connection: Any) -> None:
        act(connection)

    return schedule_ping
