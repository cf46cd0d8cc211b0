"""Who may ask, and what is counted of requests and calls, in the application of this process."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from adapters import instruments
from adapters.http_json import NoAnswer, fetch
from adapters.instruments import peer_of
from api.app import create_app
from domain.metrics import METRICS
from tests.metrics.running import TOKEN
from wiring.container import Container
from wiring.embedded.redis import free_port
from wiring.metrics import exposition
from wiring.secret import Secret
from wiring.tallies import Tally, requests_of, this_minute

AWAY = {"REMOTE_ADDR": "192.0.2.7"}
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}


def client(container: Container, *, token: bool = False, proxies: int = 0) -> FlaskClient:
    settings = replace(container.settings, metrics_token=Secret(TOKEN) if token else None, trusted_proxies=proxies)
    return create_app(replace(container, settings=settings)).test_client()


@pytest.mark.parametrize("proxies", [0, 1])
def test_without_a_token_this_host_alone_is_answered(container: Container, proxies: int) -> None:
    asked = client(container, proxies=proxies)
    answer = asked.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert "strongroom_ledger_sound 1.0" in answer.text
    assert asked.get("/metrics", environ_overrides=AWAY).status_code == 404
    # A proxy on this very host passes everybody's requests on.
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert asked.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404
    assert asked.get("/metrics", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200
    assert asked.get("/metrics", environ_overrides={"REMOTE_ADDR": ""}).status_code == 404
    # A page elsewhere may have its own name lead here, and this host's browser ask for it.
    for host, status in (("rebound.example:8080", 404), ("[", 404), ("127.0.0.1:8080", 200), ("[::1]:8080", 200)):
        assert asked.get("/metrics", headers={"Host": host}).status_code == status, host


def test_with_a_token_whoever_shows_it_is_answered_and_nobody_else(container: Container) -> None:
    asked = client(container, token=True)
    assert asked.get("/metrics", environ_overrides=AWAY | BEARER).status_code == 200
    assert asked.get("/metrics").status_code == 401
    for wrong in (f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer \udcff"):
        answer = asked.get("/metrics", environ_overrides={"HTTP_AUTHORIZATION": wrong})
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")


def test_requests_are_counted_by_their_pattern_and_never_by_what_a_client_makes_up(container: Container) -> None:
    asked = client(container)
    before = counted()
    asked.get("/flows/one")
    asked.get("/flows/two")
    asked.get("/nothing/at/all")
    asked.open("/health/live", method="BREW")
    new = {labels: value - before.get(labels, 0) for labels, value in counted().items()}
    changed = {labels: value for labels, value in new.items() if value}
    assert changed == {
        ("/flows/<reference>", "GET", "4xx"): 2,
        ("unmatched", "GET", "4xx"): 1,
        ("unmatched", "other", "4xx"): 1,
    }


def test_alerts_are_about_what_people_and_apps_asked_for(container: Container) -> None:
    tally = requests_of(container.transaction)
    app = create_app(container, tally=tally)
    app.add_url_rule("/api/v1/broken", view_func=_broken)
    asked = app.test_client()
    for path in ("/health/live", "/metrics", "/nothing", "/static/none.css", "/login", "/api/v1/broken"):
        asked.get(path)
    [(minute, found)] = _waiting(tally)
    assert minute <= this_minute()
    assert (found.count, found.error_count) == (2, 1)
    tally.flush()


def test_calls_to_others_are_timed_under_their_host_and_what_went_wrong() -> None:
    port = free_port()
    with pytest.raises(NoAnswer):
        fetch(f"http://user:secret@127.0.0.1:{port}/key/secret?key=secret", timeout_s=1)
    found = instruments.registry().get_sample_value(
        "strongroom_call_seconds_count", {"adapter": "http", "peer": f"127.0.0.1:{port}", "outcome": "no_answer"}
    )
    assert found == 1
    assert peer_of("https://user:secret@[2001:db8::1]/secret") == "2001:db8::1"


def test_a_process_that_serves_nothing_else_answers_on_a_port_of_its_own() -> None:
    with served(None) as url:
        assert ask(f"{url}/metrics") == 200
        assert ask(f"{url}/other") == 404
        assert ask(f"{url}/metrics", {"X-Forwarded-For": "127.0.0.1"}) == 403
    with served(Secret(TOKEN)) as url:
        assert ask(f"{url}/metrics") == 401
        assert ask(f"{url}/metrics", {"Authorization": f"Bearer {TOKEN}"}) == 200


def test_every_name_says_what_it_counts_in() -> None:
    for name, metric in METRICS.items():
        assert name == metric.name
        assert name.startswith("strongroom_")
        assert name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")


def counted() -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["rule"], sample.labels["method"], sample.labels["status"]): sample.value
        for family in instruments.registry().collect()
        for sample in family.samples
        if sample.name == "strongroom_requests_total"
    }


def _waiting(tally: Tally[Any]) -> list[tuple[Any, Any]]:
    return list(tally._sums.items())


def _broken() -> str:
    raise ArithmeticError


@contextmanager
def served(token: Secret | None) -> Iterator[str]:
    server = exposition.serve("127.0.0.1", 0, token, CollectorRegistry())
    with closing(server.socket):
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def ask(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def test_the_documented_table_is_up_to_date() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts" / "list_metrics.py"
    subprocess.run([sys.executable, script, "--check"], check=True)
