"""A load generator: one process, many keep-alive connections, each sending when it has been answered."""

import resource
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BUFFER_BYTES = 65_536
SILENCE_S_MAX = 30.0


@dataclass
class Outcome:
    """What a burst of requests came to."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    """What the generator itself used of a processor: far below `seconds`, or it was the limit."""
    latencies_s: list[float] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    """The beginnings of answers that were not 2xx."""

    @property
    def per_s(self) -> float:
        """Successful answers per second."""
        return len(self.latencies_s) / self.seconds

    def percentile_s(self, share: float) -> float:
        """The latency that this share of the successful requests stayed below."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection:
    """One client: sends, collects until the answer is whole, says how long it took."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.answer = b""

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has arrived; whether the answer is whole."""
        part = self.socket.recv(BUFFER_BYTES)
        if not part:
            raise ConnectionError(f"the server hung up after {self.answer[:200]!r}")
        self.answer += part
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        if not separator:
            return False
        _, _, rest = head.lower().partition(b"content-length: ")
        return len(body) >= int(rest.split(b"\r\n", 1)[0] or 0)


def run(port: int, requests: Callable[[int], bytes], *, concurrent: int, seconds: float) -> Outcome:
    """Keep so many clients busy for so long; `requests(n)` is the n-th request as bytes on the wire."""
    clients = {made.socket.fileno(): made for made in (_Connection(port) for _ in range(concurrent))}
    poll = select.epoll()
    for number in clients:
        poll.register(number, select.EPOLLIN)
    outcome = Outcome()
    cpu_before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    sent = 0
    for client in clients.values():
        client.send(requests(sent))
        sent += 1
    waiting = len(clients)
    while waiting:
        ready = poll.poll(SILENCE_S_MAX)
        if not ready:
            raise TimeoutError("the server stopped answering")
        for number, _ in ready:
            client = clients[number]
            if not client.receive():
                continue
            now = time.perf_counter()
            if client.answer.startswith(b"HTTP/1.1 2"):
                outcome.latencies_s.append(now - client.sent_at)
            else:
                outcome.failures.append(client.answer[:600])
            if now - started < seconds:
                client.send(requests(sent))
                sent += 1
            else:
                waiting -= 1
    outcome.seconds = time.perf_counter() - started
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    outcome.cpu_s = cpu.ru_utime + cpu.ru_stime - cpu_before.ru_utime - cpu_before.ru_stime
    for client in clients.values():
        client.socket.close()
    return outcome


def get(path: str, token: str | None = None) -> bytes:
    """A GET request."""
    return _request("GET", path, token, [])


def post(path: str, token: str | None, body: bytes, key: str | None = None) -> bytes:
    """A POST of JSON, under an Idempotency-Key where one is given."""
    headers = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if key is not None:
        headers.append(f"Idempotency-Key: {key}")
    return _request("POST", path, token, headers) + body


def _request(method: str, path: str, token: str | None, headers: Sequence[str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()
