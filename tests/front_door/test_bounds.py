"""What nginx refuses, and that its refusals are in the house's shape."""

import base64
import hashlib
import re
import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.front_door.conftest import Site
from tests.front_door.door import PATIENCE_S, Door
from wiring.embedded.redis import free_port

SHAPE = {"error", "error_description", "timestamp", "request_id"}


def test_a_body_that_is_too_large_costs_the_application_nothing(door: Door) -> None:
    with door.client() as client:
        for body in (b"x" * 65537, iter([b"x" * 40_000, b"x" * 40_000])):
            answer = client.post("/api/auth/challenge", content=body, headers={"Content-Type": "application/json"})
            _is_refusal(answer, 413, "body_too_large")
        page = client.post("/login", content=b"x" * 65537, headers={"Accept": "text/html"})
    assert page.status_code == 413
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "The body is larger than 64 kB." in page.text
    style = re.findall("<style>(.*?)</style>", page.text)[0].encode()
    assert base64.b64encode(hashlib.sha256(style).digest()).decode() in page.headers["content-security-policy"]


def test_a_flood_from_one_address_is_refused_and_others_are_served(door: Door) -> None:
    def challenge(client: httpx.Client) -> httpx.Response:
        return client.post("/api/auth/challenge", json={})

    with door.client(address="127.0.0.66") as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: challenge(client), range(100)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 0 < len(refused) <= 60  # five a second are let in again meanwhile, and a busy machine takes seconds
        _is_refusal(refused[0], 429, "rate_limited")
        assert refused[0].headers["retry-after"] == "1"
        assert client.get("/api/v1/balances").status_code == 401, "a look counts as an attempt to sign in"
    with door.client(address="127.0.0.67") as other:
        assert challenge(other).status_code != 429


def test_an_address_that_is_too_long_is_refused(door: Door) -> None:
    with door.client() as client:
        _is_refusal(client.get("/api/v1/flows?q=" + "x" * 9000), 414, "address_too_long")
        answer = client.get("/login", headers={"Cookie": "x=" + "x" * 9000, "Accept": "text/html"})
    assert answer.status_code == 400
    assert "strict-transport-security" in answer.headers


def test_a_request_that_drips_is_not_waited_for(door: Door) -> None:
    begun = time.monotonic()
    heads = [door.connect() for _ in range(5)]
    body = door.connect()
    for head in heads:
        head.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    body.sendall(
        b"POST /api/auth/challenge HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    with door.client() as client:
        assert client.get("/health/live").status_code == 200
    for waiting in (*heads, body):
        with waiting:
            assert not _later_than_reset(waiting).startswith(b"HTTP/1.1 2")
    assert PATIENCE_S - 0.5 < time.monotonic() - begun < PATIENCE_S + 15


def test_http_2_is_spoken(door: Door) -> None:
    """By hand (RFC 9113, 7541): GET /health/live is nine bytes of header more than the preface."""
    context = ssl.create_default_context(cafile=door.directory / "certificate.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with door.connect(context) as raw:
        assert raw.selected_alpn_protocol() == "h2"
        head = b"\x82\x87\x04\x0c/health/live\x41\x09localhost"
        frame = struct.pack(">I", len(head))[1:] + b"\x01\x05\x00\x00\x00\x01" + head
        raw.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + frame)
        kind, payload = b"", b""
        while kind != b"\x01":
            length, kind = _frame(raw)
            payload = _exactly(raw, length)
    assert payload[0] == 0x88, "not :status 200"


def test_only_modern_tls_is_spoken(door: Door) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=door.directory / "certificate.pem")
        context.minimum_version = context.maximum_version = version
        with door.connect(context) as raw:
            assert raw.version() == version.name.replace("_", ".")
    for ciphers in ("ECDHE+AES+SHA256:ECDHE+AES+SHA:!AESGCM:!AESCCM:@SECLEVEL=0", "RSA+AESGCM:@SECLEVEL=0"):
        context = ssl.create_default_context(cafile=door.directory / "certificate.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            door.connect(context)


def test_a_reload_cuts_nobody_off_and_a_dead_application_is_told_in_our_words(site: Site) -> None:
    door = site.door
    with door.client() as client:
        style = re.findall(r"/static/pages\.[0-9a-f]+\.css", client.get("/login").text)[0]
        client.get(style)
        try:
            with client.stream("GET", "/api/v1/streams/ticks") as stream:
                site.render(web=f"127.0.0.1:{free_port()}")
                door.reload()
                pieces = b"".join(stream.iter_raw())
            assert pieces.count(b"data:") == 3
            with door.client() as later:
                answer = later.post("/api/v1/transfers", json={}, headers={"Idempotency-Key": "1"})
                _is_refusal(answer, 503, "unavailable")
                assert answer.headers["retry-after"] == "5"
                page = later.get("/login", headers={"Accept": "text/html,*/*;q=0.8"})
                assert "The application is unreachable." in page.text
                assert later.get(style).status_code == 200, "nginx's copy outlives the application"
        finally:
            site.render()
            door.reload()
    with door.client() as again:
        assert again.get("/health/live").status_code == 200


def _is_refusal(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == SHAPE
    assert body["error"] == code
    assert body["request_id"] == answer.headers["x-request-id"]
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    for name in ("x-content-type-options", "strict-transport-security", "content-security-policy", "cache-control"):
        assert names.count(name) == 1


def _later_than_reset(raw: socket.socket) -> bytes:
    try:
        return raw.recv(65536)
    except ConnectionError:
        return b""


def _frame(raw: socket.socket) -> tuple[int, bytes]:
    head = _exactly(raw, 9)
    return int.from_bytes(head[:3], "big"), head[3:4]


def _exactly(raw: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = raw.recv(length - len(received))
        assert piece, "closed"
        received += piece
    return received
