"""A client that records: python-socketio's, which shares only the protocol with the server."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import requests
import socketio

from tests.waiting import eventually


class NotAdmitted(Exception):
    """The connection was refused, with this message."""


class Client:
    """One socket of a user; records all events."""

    def __init__(self, url: str, token: str | None = None, *, transport: str = "websocket", **options: Any) -> None:
        self.heard: list[tuple[str, Any]] = []
        # Our own, because the library forgets the one that it makes without closing it.
        self._http: requests.Session = options.pop("http_session", None) or requests.Session()
        self._socket = socketio.Client(reconnection=False, logger=False, http_session=self._http)
        self._socket.on("*", lambda event, *data: self.heard.append((event, data[0] if data else None)))
        self._socket.on("connect_error", lambda data: self.heard.append(("connect_error", data)))
        headers = options.pop("headers", {})
        auth = options.pop("auth", {"token": token} if token is not None else None)
        try:
            self._socket.connect(url, headers=headers, auth=auth, transports=[transport], wait_timeout=60, **options)
        except socketio.exceptions.ConnectionError as refusal:
            self.close()
            raise NotAdmitted([data for event, data in self.heard if event == "connect_error"]) from refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        return bool(self._socket.connected)

    def close(self) -> None:
        # An answer may be here before the request that asked is over, and while one is, the library forgets to say
        # that it leaves: the server would find out when a ping is not answered.
        eventually(lambda: not self.connected or not self._socket.eio.queue.unfinished_tasks, what="what was said last")
        self._socket.disconnect()
        # It leaves open what the server closed first.
        if self._socket.eio.ws is not None:
            self._socket.eio.ws.close()
            self._socket.eio.ws.shutdown()
        self._http.close()

    def ask(self, event: str, data: Any) -> Any:
        """Send an event and wait for the acknowledgement."""
        return self._socket.call(event, data, timeout=60)

    def say(self, event: str, data: Any = None) -> None:
        self._socket.emit(event, data)

    def await_event(self, event: str, matches: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first event of this name, once it has arrived."""
        found: list[Any] = eventually(
            lambda: [data for name, data in list(self.heard) if name == event and matches(data)],
            what=f"{event} among {[name for name, _ in self.heard]}",
        )
        return found[0]

    def has_heard(self, event: str, data: Any) -> bool:
        return (event, data) in list(self.heard)

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in list(self.heard))
