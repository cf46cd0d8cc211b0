"""A JSON HTTP server for fakes of providers, in its own thread, which tests can make misbehave."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Handle = Callable[[str, str, Mapping[str, str], Any], tuple[int, Any]]
"""Maps (method, path, query, body) to (status, answer)."""


class JsonServer:
    """Serves `handle` until stopped. Faults apply to requests whose method and path have this prefix.

    `breaks`: how many of them fail with which status without effect. `swallows`: how many take effect and get no
    answer but a closed connection.
    """

    def __init__(self, handle: Handle, *, key: str) -> None:
        self.breaks: list[tuple[str, int]] = []
        self.swallows: list[str] = []
        self.requests: list[str] = []
        self.lock = threading.RLock()
        self._handle = handle
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                """Log nothing."""

            def _answer(self, method: str) -> None:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                known = self.headers.get("Authorization") == f"Bearer {key}"
                told = (
                    outer.act(f"{method} {parts.path}", parts.query, raw) if known else (401, {"message": "who is it"})
                )
                if told is None:
                    self.close_connection = True
                    return
                self._say(*told)

            def _say(self, status: int, said: Any) -> None:
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def act(self, asked: str, query: str, raw: bytes) -> tuple[int, Any] | None:
        """Handle one request; None for no answer."""
        with self.lock:
            self.requests.append(asked)
            for place, (which, status) in enumerate(self.breaks):
                if asked.startswith(which):
                    del self.breaks[place]
                    return status, {"code": status, "message": "not today"}
            method, _, path = asked.partition(" ")
            told = self._handle(method, path, dict(parse_qsl(query)), json.loads(raw or b"null"))
            for place, which in enumerate(self.swallows):
                if asked.startswith(which):
                    del self.swallows[place]
                    return None
            return told

    def count(self, asked: str) -> int:
        """The number of requests with this prefix."""
        return sum(request.startswith(asked) for request in self.requests)

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
