"""A JSON service that can lag, lie, hang, trickle and answer garbage: for prices and for screening."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

TRICKLE_S = 0.05


@dataclass
class JsonService:
    """`answers` are by path, `answer` is for all others; `trouble` is the fault of every one."""

    url: str = ""
    answer: Any = None
    answers: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""
    retry_after: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def body(self, path: str) -> bytes:
        """The body of the answer for a path."""
        if self.trouble == "garbage":
            return b"<html>please try again</html>"
        if self.trouble == "nan":
            return b'{"price": NaN}'
        if self.trouble == "deep":
            return b"[" * 200_000
        if self.trouble == "huge":
            return b'"' + b"x" * 2_000_000 + b'"'
        said = self.answers.get(path, self.answer)
        return said.encode() if isinstance(said, str) else json.dumps(said).encode()


@contextmanager
def serving() -> Iterator[JsonService]:
    """A running service until the block ends."""
    service = JsonService()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            service.asked.append(path)
            service.headers.append(dict(self.headers))
            if service.trouble == "hangs":
                service.let_go.wait(10)
                return
            body = service.body(path)
            self.send_response({"down": 503, "elsewhere": 302, "busy": 429}.get(service.trouble, 200))
            if service.retry_after:
                self.send_header("Retry-After", service.retry_after)
            if service.trouble == "elsewhere":
                self.send_header("Location", service.url + "/stolen")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if service.trouble == "trickles":
                for byte in body:
                    if service.let_go.wait(TRICKLE_S):
                        return
                    self.wfile.write(bytes([byte]))
                return
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """The client closed the connection, as it should."""

    server = Server(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield service
    finally:
        service.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
