"""Answer scrapers: who may scrape, what they get, and a small server for processes that serve nothing else."""

import hmac
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from adapters import instruments
from wiring.metrics.shared import SharedCollector, directory
from wiring.secret import Secret

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from prometheus_client import CollectorRegistry

PATH: Final = "/metrics"
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def registry(*collectors: Any) -> "CollectorRegistry":
    """What this process tells: its own counts, with those of its program's other processes, and these."""
    from prometheus_client import CollectorRegistry

    made = CollectorRegistry()
    where = directory()
    for collector in (SharedCollector(where) if where is not None else instruments.registry(), *collectors):
        made.register(collector)
    return made


def exposition(told: "CollectorRegistry", accept: str | None) -> tuple[bytes, str]:
    """Everything in the text format that the asker prefers, and that format's media type."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept or "")
    return encode(told), content_type


def may_scrape(environ: "WSGIEnvironment", token: Secret | None) -> bool:
    """Whether this request comes from the monitoring: it has the token; without one, it comes from this very host.

    A forwarded request comes from wherever the proxy says, and its last hop says nothing. A request to a host name was
    sent there by somebody's name server, which may make a browser here ask ("DNS rebinding").
    """
    if token is not None:
        given = environ.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token.reveal()}".encode())
    if any(name in environ for name in _FORWARDED):
        return False
    try:
        return ip_address(environ.get("REMOTE_ADDR", "")).is_loopback and _is_own(environ.get("HTTP_HOST", "localhost"))
    except ValueError:
        return False


def _is_own(host: str) -> bool:
    """Whether no name server was needed to reach this host: an address, or its name for itself. Raises ValueError."""
    name = urlsplit(f"//{host}").hostname or ""
    return name == "localhost" or bool(ip_address(name))


def serve(host: str, port: int, token: Secret | None, told: "CollectorRegistry") -> WSGIServer:
    """Answer on a port of its own, in a thread that ends with the process. Raises OSError if the port is taken."""

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return _refused(start, "404 Not Found")
        if not may_scrape(environ, token):
            return _refused(start, "403 Forbidden" if token is None else "401 Unauthorized")
        body, content_type = exposition(told, environ.get("HTTP_ACCEPT"))
        start("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    server = _Server((host, port), _Quiet)
    server.set_app(answer)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking what the host is called, which may take as long as a name server does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_: Any) -> None:
        """Say nothing: being asked is no news."""

    def address_string(self) -> str:
        """The address as it is, without asking for its name."""
        return str(self.client_address[0])


def _refused(start: Callable[..., object], status: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []
