"""WebSockets as this house serves them: bounded, uncompressed, and closed when they talk nonsense."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import gevent.event
import gevent.selectors
import simple_websocket
import structlog
from engineio.async_drivers.gevent import Thread

PACKET_BYTES_MAX: Final = 16 * 1024

log = structlog.get_logger(__name__)


class WholeSends:
    """A socket whose `send` sends all of it: simple-websocket takes for granted that it does."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def send(self, data: bytes) -> int:
        """Send every byte, waiting where the other side is slow."""
        self._sock.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class BoundedWebSocket:
    """One connection, in the form that python-engineio asks of its drivers."""

    def __init__(self, handler: Callable[[Any], Any], _server: Any) -> None:
        self._handler = handler
        self._ws: Any = None

    def __call__(self, environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one connection until it ends. Raises StopIteration, by which gunicorn knows that all is done."""
        # A compressor for each connection would be a quarter of a megabyte, for messages of a hundred bytes.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        held = {**environ, "gunicorn.socket": WholeSends(environ["gunicorn.socket"])}
        self._ws = simple_websocket.Server(
            held,
            receive_bytes=2048,
            max_message_size=PACKET_BYTES_MAX,
            thread_class=Thread,
            event_class=gevent.event.Event,
            selector_class=gevent.selectors.DefaultSelector,
        )
        try:
            self._handler(self)
        except (ValueError, TypeError, IndexError, RecursionError) as nonsense:
            log.info("socket_talked_nonsense", error=type(nonsense).__name__)
            # The method of the engine's own socket that we were given: it knows what is to be told of the end.
            self._handler.__self__.close(wait=False, abort=True)  # type: ignore[attr-defined]
            self.close()
        raise StopIteration

    def close(self) -> None:
        """Close it, if it is open."""
        if self._ws.connected:
            self._ws.close()

    def send(self, message: str | bytes) -> None:
        """Send one message. Raises OSError when the connection is closed."""
        try:
            self._ws.send(message)
        except simple_websocket.ConnectionClosed as closed:
            raise OSError from closed

    def wait(self) -> str | bytes | None:
        """The next message, or None when the connection is closed."""
        try:
            received: str | bytes | None = self._ws.receive()
        except simple_websocket.ConnectionClosed:
            return None
        return received
