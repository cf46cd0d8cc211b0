"""A proxy to Redis that can silence the listener alone, without closing either end."""

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Forwards connections; after `mute`, subscribers receive nothing."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._is_muted = threading.Event()
        port = self._listener.getsockname()[1]
        self.url = urlunsplit(parts._replace(netloc=f":{parts.password}@127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets:
            one.close()

    def mute(self) -> None:
        self._is_muted.set()

    def unmute(self) -> None:
        """Forward again, on new and existing connections."""
        self._is_muted.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            listens = threading.Event()
            threading.Thread(target=self._forward, args=(client, server, listens, True), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, listens, False), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, listens: threading.Event, is_asking: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_asking and b"SUBSCRIBE" in data:
                    listens.set()
                if is_asking or not (listens.is_set() and self._is_muted.is_set()):
                    sink.sendall(data)
        except OSError:
            return
        finally:
            for one in (source, sink):
                one.close()
