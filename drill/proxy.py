"""Somebody between the house and a node, who passes calls on, loses answers, or is not there at all."""

import threading
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit, urlunsplit

PATIENCE_S: Final = 60.0


class Proxy:
    """Listens on a loopback port and passes JSON-RPC on to a node until it is closed."""

    def __init__(self, upstream: str) -> None:
        self.is_cut = False
        """Whether it hangs up on everybody."""
        self._swallowed: list[bytes] = []
        self._lock = threading.Lock()
        self._upstream = urlsplit(upstream)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = None if outer.is_cut else outer.passed_on(self.path, asked, self.headers)
                if answer is None or outer.is_cut or outer.loses(asked):
                    self.close_connection = True
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name for it
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, with the node's user and password."""
        user, at, _ = self._upstream.netloc.rpartition("@")
        netloc = f"{user}{at}127.0.0.1:{self._server.server_port}"
        return urlunsplit(self._upstream._replace(netloc=netloc))

    def swallow(self, method: str, count: int) -> None:
        """Lose the answers to the next so many calls of a method; the node acts on them all the same."""
        with self._lock:
            self._swallowed += [b'"' + method.encode() + b'"'] * count

    def passed_on(self, path: str, asked: bytes, headers: object) -> tuple[int, bytes] | None:
        """What the node answers; None when it does not."""
        said = {name: value for name, value in getattr(headers, "items", dict)() if name.lower() in _PASSED}
        node = HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=PATIENCE_S)
        try:
            node.request("POST", path, asked, said)
            answer = node.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            node.close()

    def loses(self, asked: bytes) -> bool:
        """Whether the answer to this call is one of those to be lost."""
        with self._lock:
            found = next((method for method in self._swallowed if method in asked), None)
            if found is None:
                return False
            self._swallowed.remove(found)
            return True

    def close(self) -> None:
        """Be gone."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


_PASSED: Final = frozenset({"authorization", "content-type"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has hung up: the drill kills them."""
