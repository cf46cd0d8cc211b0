"""What reaches the application through nginx, and how it comes back."""

import json
import re
import time

import httpx
import pytest

from api.pages.assets import FOREVER
from api.request_context import CONTENT_SECURITY_POLICY
from api.statuses import HTTP_ERRORS
from tests.front_door.conftest import Site
from tests.front_door.door import Door
from tests.front_door.ticks import TICK_EVERY_S, TICKS

SECURITY_HEADERS = (
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "strict-transport-security", "cache-control",
    "x-request-id",
)  # fmt: skip


def test_nginx_understands_what_is_shipped(door: Door) -> None:
    assert "test is successful" in door.check()


def test_the_application_sees_the_real_client_whatever_it_claims(door: Door) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9;host=evil.example",
        "Proxy": "http://evil.example",
    }
    with door.client(address="127.0.0.7") as client:
        answer = client.get("/api/seen", headers=forged)
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert seen["address"] == "127.0.0.7"
    assert seen["scheme"] == "https"
    assert "evil" not in json.dumps(seen)
    assert "203.0.113" not in json.dumps(seen)


def test_no_location_forgets_who_asks(door: Door) -> None:
    """A location with a proxy_set_header of its own inherits none: each has to include all of them."""
    for name in ("routes.conf",):
        text = (door.directory / "strongroom" / name).read_text()
        locations = re.findall(r"location [^{]*\{(.*?)\n\}", text, re.DOTALL)
        passing = [body for body in locations if "proxy_pass" in body]
        assert len(passing) >= 4
        assert all("include strongroom/proxy.conf;" in body for body in passing)


@pytest.mark.parametrize("path", ["/health/live", "/login", "/api/v1/balances", "/socket.io/?EIO=4&transport=polling"])
def test_each_header_is_there_once(door: Door, path: str) -> None:
    with door.client() as client:
        names = [name.lower() for name, _ in client.get(path).headers.multi_items()]
    assert {name: names.count(name) for name in SECURITY_HEADERS} == dict.fromkeys(SECURITY_HEADERS, 1)
    assert "server" not in names or names.count("server") == 1


def test_a_request_keeps_its_name_through_every_process(door: Door) -> None:
    with door.client() as client:
        assert (
            client.get("/health/live", headers={"X-Request-ID": "mine-12345"}).headers["x-request-id"] == "mine-12345"
        )
        assert client.get("/health/live", headers={"X-Request-ID": 'no"good'}).headers["x-request-id"] != 'no"good'
    lines = [json.loads(line) for line in (door.directory / "access.log").read_text().splitlines()]
    assert any(line["request_id"] == "mine-12345" for line in lines)


def test_the_log_has_no_query_which_may_hold_secrets(door: Door) -> None:
    with door.client() as client:
        client.get("/developer/callback?code=very-secret-code")
    assert "very-secret-code" not in (door.directory / "access.log").read_text()


def test_static_files_are_kept_for_ever_and_by_nginx_too(site: Site) -> None:
    with site.door.client() as client:
        [path] = set(re.findall(r"/static/pages\.[0-9a-f]+\.css", client.get("/login").text))
        packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.text == plain.text
        assert {packed.headers["cache-control"], plain.headers["cache-control"]} == {FOREVER}
        assert packed.headers["x-request-id"] != plain.headers["x-request-id"]
        again = client.get(path, headers={"Accept-Encoding": "gzip;q=1, deflate"})
        assert again.headers.get_list("x-request-id", split_commas=False) == [again.headers["x-request-id"]]
    assert again.text == packed.text
    assert _upstreams(site.door, path)[-1] == "", "the second was asked of the application again"


def test_an_outdated_static_name_is_not_found(door: Door) -> None:
    with door.client() as client:
        answer = client.get("/static/pages.000000000000.css")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/metrics/", "/./metrics", "/metrics?a=b"])
def test_metrics_are_not_for_the_outside(door: Door, path: str) -> None:
    with door.connect() as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"error": "not_found"' in answer
    line = json.loads((door.directory / "access.log").read_text().splitlines()[-1])
    assert line["upstream"] == ""


def test_events_of_a_stream_arrive_one_by_one(door: Door) -> None:
    with door.client() as client, client.stream("GET", "/api/v1/streams/ticks") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        arrived = [time.monotonic() for piece in answer.iter_raw() if piece]
    assert len(arrived) == TICKS
    assert arrived[-1] - arrived[0] > TICK_EVERY_S, "they were kept back and came together"


def test_an_answer_of_the_application_passes_unchanged(door: Door) -> None:
    with door.client() as client:
        page = client.get("/login")
        refused = client.get("/api/v1/balances")
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert refused.status_code == 401
    assert refused.json()["error"] == "not_signed_in"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


def test_a_stranger_behind_http_is_sent_to_https_with_what_they_asked(door: Door) -> None:
    plain = f"http://127.0.0.1:{door.http_port}"
    answer = httpx.post(f"{plain}/login?next=/send", headers={"Host": "evil.example"})
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{door.url}/login?next=/send"
    mistaken = httpx.get(f"http://127.0.0.1:{door.https_port}/login")
    assert mistaken.status_code == 308
    assert mistaken.headers["location"] == f"{door.url}/login"


def test_a_certificate_authority_finds_its_challenge(door: Door) -> None:
    challenges = door.acme / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True, exist_ok=True)
    (challenges / "token").write_text("token.thumbprint")
    plain = f"http://127.0.0.1:{door.http_port}/.well-known/acme-challenge"
    answer = httpx.get(f"{plain}/token")
    assert (answer.status_code, answer.text) == (200, "token.thumbprint")
    assert httpx.get(f"{plain}/../../certificate.pem").status_code != 200
    assert httpx.get(f"{plain}/other").status_code == 404


def test_what_nginx_says_is_what_the_documentation_says(door: Door) -> None:
    text = (door.directory / "strongroom" / "http.conf").read_text()
    codes = dict(re.findall(r"^    (\d{3})\s+([a-z_]+);$", text, re.MULTILINE))
    words = dict(re.findall(r'^    (\d{3})\s+"(.*)";$', text, re.MULTILINE))
    ours = {code: HTTP_ERRORS[code] for code in codes.values() if code != "rate_limited"}
    assert {code: (int(status), words[status]) for status, code in codes.items() if code in ours} == ours
    assert set(codes) == set(words)


def _upstreams(door: Door, path: str) -> list[str]:
    """Who answered each request of this path; "" for nginx's own copy."""
    lines = map(json.loads, (door.directory / "access.log").read_text().splitlines())
    return [line["upstream"] for line in lines if line["path"] == path]
