"""A provider of chain data: its own HTTP server, which lags, omits, contradicts and fails on demand."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[str, Any], tuple[int, Any]]
"""Maps (path, body or None for a GET) to a status and JSON."""


@dataclass
class Faults:
    """Faults to inject: each applies to the coming requests until it is used up, or permanently where noted."""

    statuses: list[int] = field(default_factory=list)
    """Statuses of the next refusals."""
    is_down: int = 0
    """The status of all requests from now on."""
    is_silent: bool = False
    """Accept every request and never answer."""
    is_garbled: bool = False
    """Answer with invalid JSON."""
    twist: Callable[[Any], Any] | None = None
    """Changes the answer."""


class FakeProvider:
    """Serves one handler on its own port, and records the requests."""

    def __init__(self, handler: Handler) -> None:
        self.faults = Faults()
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._handler = handler
        self._released = threading.Event()
        provider = self

        class Serving(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                provider.serve(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                provider.serve(self, json.loads(self.rfile.read(length)))

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Serving)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving, and release clients that wait."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, request: BaseHTTPRequestHandler, body: Any) -> None:
        """Answer one request, or inject a fault."""
        self.asked.append((request.path, body))
        self.headers.append(dict(request.headers))
        if self.faults.is_silent:
            self._released.wait(30)
            request.close_connection = True
            return
        if self.faults.is_down or self.faults.statuses:
            self._send(request, self.faults.is_down or self.faults.statuses.pop(0), b'{"message": "not now"}')
            return
        if self.faults.is_garbled:
            self._send(request, 200, b"<html>come back later</html>")
            return
        status, answer = self._handler(request.path, body)
        if self.faults.twist is not None:
            answer = self.faults.twist(answer)
        self._send(request, status, json.dumps(answer).encode())

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


def json_rpc(methods: dict[str, Callable[..., Any]]) -> Handler:
    """A handler for JSON-RPC 2.0, including batches."""

    def one(call: Any) -> dict[str, Any]:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        method = methods.get(call["method"])
        if method is None:
            return {**answer, "error": {"code": -32601, "message": "Method not found"}}
        return {**answer, "result": method(*call["params"])}

    def handle(path: str, body: Any) -> tuple[int, Any]:
        return 200, [one(call) for call in body] if isinstance(body, list) else one(body)

    return handle
