"""A proxy in front of a real node, which can misbehave as bad nodes do."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Forward = Callable[[str, list[Any]], dict[str, Any]]
Rule = Callable[[list[Any], Forward], "dict[str, Any] | None"]


class HungUp(Exception):
    """The connection is closed without an answer."""


class Between:
    """Forwards every call to a real node, except methods with a rule.

    A rule is given the parameters and a way to call the real node; it returns the body of the answer (`result` or
    `error`), or raises HungUp. `statuses` answers the next requests with these HTTP statuses.
    """

    def __init__(self, real_url: str) -> None:
        self.real_url = real_url
        self.rules: dict[str, Rule] = {}
        self.statuses: list[int] = []
        self.asked: list[str] = []
        self._real = httpx.Client(timeout=20)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/key-3141"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._real.close()

    def forward(self, method: str, params: list[Any]) -> dict[str, Any]:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer: dict[str, Any] = self._real.post(self.real_url, json=asked).json()
        return {name: value for name, value in answer.items() if name in {"result", "error"}}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        method, params = asked["method"], asked["params"]
        self.asked.append(method)
        rule = self.rules.get(method)
        body = rule(params, self.forward) if rule else None
        return {"jsonrpc": "2.0", "id": asked["id"], **(body or self.forward(method, params))}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if between.statuses:
                    self._send(between.statuses.pop(0), b"")
                    return
                try:
                    answer = (
                        [between.answer(one) for one in asked] if isinstance(asked, list) else between.answer(asked)
                    )
                except HungUp:
                    self.close_connection = True
                    return
                self._send(200, json.dumps(answer).encode())

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        return Handler


def refuse(code: int, message: str) -> Rule:
    """A rule that answers with this error."""
    return lambda _params, _forward: {"error": {"code": code, "message": message}}


def say(result: Any) -> Rule:
    """A rule that answers with this result."""
    return lambda _params, _forward: {"result": result}
