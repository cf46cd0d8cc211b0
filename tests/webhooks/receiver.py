"""A receiver of webhooks, in a process's own words: it verifies with the library that others would use."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

Behaviour = Callable[["Call"], tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True)
class Call:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The event, if it was signed with this secret."""
        return Webhook(secret).verify(self.body, self.headers)


def taking(call: Call) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b"thank you"


@dataclass
class Receiver:
    """A server that remembers what it got and answers as it is told to."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    behave: Behaviour = taking

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.behave = lambda _: (status, headers, body)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            call = Call(
                self.path, {name.lower(): value for name, value in self.headers.items()}, self.rfile.read(length)
            )
            receiver.calls.append(call)
            status, headers, body = receiver.behave(call)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dripping(beginning: bytes, drip: bytes = b"x", every_s: float = 0.05) -> Iterator[str]:
    """A server that takes what comes and then never stops answering, a little at a time."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.sendall(beginning)
                while not ended.wait(every_s):
                    try:
                        connection.sendall(drip)
                    except OSError:
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            thread.join()
