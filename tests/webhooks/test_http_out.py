"""Telling an address that somebody else chose."""

import socket
from time import monotonic
from typing import Any

import pytest

from adapters import http_out
from tests.webhooks.receiver import Receiver, dripping, receiving


def told(url: str, **options: object) -> http_out.Answer:
    return http_out.post(url, {}, b"{}", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"],
)
def test_what_leads_inside_is_not_called_however_it_is_spelled(receiver: Receiver, host: str) -> None:
    port = receiver.url.rsplit(":")[-1]
    answer = told(f"http://{host}:{port}")
    assert answer.error in {"address_refused", "name_not_found"}
    assert not receiver.calls


def test_a_name_that_changes_its_mind_gets_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Public when it is looked at, inside when it is connected to: the address that was looked at is what counts."""
    answers = iter(["192.0.2.1", "127.0.0.1"])
    real, asked = socket.getaddrinfo, []

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        return real(next(answers) if host == "hooks.example.com" else host, port, *rest, **named)

    monkeypatch.setattr(http_out, "is_public", lambda address: address == "192.0.2.1")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    answer = told(receiver.url.replace("127.0.0.1", "hooks.example.com"), deadline_s=0.3)
    assert answer.error in {"timed_out", "connection_failed"}
    assert asked == ["hooks.example.com", "192.0.2.1"]
    assert receiver.calls == []


def test_one_inside_among_several_is_enough_to_refuse(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("1.1.1.1", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert told("http://hooks.example.com/").error == "address_refused"


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"]
)
def test_one_that_drips_does_not_hold_us(beginning: bytes) -> None:
    with dripping(beginning) as url:
        began = monotonic()
        answer = told(url, allow_private=True, deadline_s=0.5)
    assert answer.error == "timed_out"
    assert not answer.is_taken
    assert monotonic() - began < 20


def test_no_more_than_a_little_of_an_answer_is_read() -> None:
    with receiving() as receiver:
        receiver.answer(200, b"\x00\xff" + b"a" * 5_000_000)
        answer = told(receiver.url, allow_private=True)
    assert answer.is_taken
    assert len(answer.excerpt) == http_out.EXCERPT_LENGTH_MAX
    assert "\x00" not in answer.excerpt


def test_what_cannot_be_reached_and_what_is_no_http_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert told(f"http://127.0.0.1:{port}/", allow_private=True).error == "connection_failed"
    assert told("http://nowhere.invalid/", allow_private=True).error == "name_not_found"
    with dripping(b"SSH-2.0-hello\r\n\r\n") as url:
        assert told(url, allow_private=True, deadline_s=1).error == "bad_answer"
    with receiving() as receiver:
        assert told(receiver.url.replace("http", "https", 1), allow_private=True).error == "tls_failed"
