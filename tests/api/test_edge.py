"""What every answer has in common, and what becomes of a bug, of a lost database and of a proxy's word."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from api.app import create_app
from api.glossary import MEANINGS
from api.glossary.own import OWN
from api.guards import public
from domain.errors import ensure
from tests.api.house import House
from tests.application import application_of
from wiring.container import Container, build_container
from wiring.secret import Secret


@pytest.fixture
def broken(own_house: House) -> Iterator[Flask]:
    """An application with two routes that have bugs in them."""
    app = create_app(own_house.container)

    @app.get("/bug")
    @public
    def bug() -> str:
        raise KeyError("the secret detail")

    @app.get("/broken")
    @public
    def invariant() -> str:
        ensure(own_house is None, "the secret invariant")
        return "never"

    with capture_logs() as logs:
        app.extensions["logs"] = logs
        yield app


@pytest.mark.parametrize("path", ["/bug", "/broken"])
def test_a_bug_is_told_by_its_request_id_and_nothing_more(broken: Flask, path: str) -> None:
    answer = broken.test_client().get(path)
    body = answer.get_json()
    assert (answer.status_code, body["error"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert body["request_id"] == answer.headers["X-Request-ID"]
    [line] = [line for line in broken.extensions["logs"] if line["event"] == "bug"]
    assert "secret" in str(line["exc_info"])


def test_only_these_can_be_read_by_pages_of_other_sites(house: House) -> None:
    """Whatever looks at a cookie is not among them, and never the question of what an app may do."""
    told: set[str] = set()
    posted: set[str] = set()
    for rule in house.app.url_map.iter_rules():
        path = re.sub(r"<(\w+:)?\w+>", "0b54b1f0-8c0e-4d5c-9d3a-6a1f1f6f2a11", rule.rule)
        for method in {"GET", "OPTIONS", "POST"} & (rule.methods or set()):
            headers = house.visitor().open(path, method=method, headers={"Origin": "https://evil.example"}).headers
            assert "Access-Control-Allow-Credentials" not in headers
            if "Access-Control-Allow-Origin" in headers:
                (posted if method == "POST" else told).add(rule.rule)
    assert posted == {"/oauth/revoke", "/oauth/token", "/oauth/userinfo"}
    assert told == {
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/api/lnurl-auth/callback/<uuid:session_id>",
        "/oauth/jwks",
        "/oauth/revoke",
        "/oauth/token",
        "/oauth/userinfo",
    }


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/balances", "/nothing", "/docs", "/login"])
def test_every_answer_has_its_headers(house: House, path: str) -> None:
    headers = house.visitor().get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_a_refusal_has_the_one_shape(house: House) -> None:
    body = house.visitor().get("/api/v1/balances").get_json()
    assert set(body) == {"error", "error_description", "timestamp", "request_id"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("0123456789abcdef", True),
        ("req_1.2-3456", True),
        ("short", False),
        ("x" * 65, False),
        ("has space in it", False),
        ("quote\"and'more", False),
        ("ünsinnig-genug", False),
        ("", False),
    ],
)
def test_a_sane_request_id_is_kept_and_any_other_replaced(house: House, given: str, is_kept: bool) -> None:
    answer = house.visitor().get("/api/v1/balances", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is is_kept
    assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]


def test_request_and_correlation_ids_reach_the_records(house: House) -> None:
    person = house.person(funds_minor=10**9)
    headers = {"X-Request-ID": "request-0001", "X-Correlation-ID": "correlation-0001"}
    body = {"asset": "rLTC", "amount": "1", "to": house.person().public_key}
    made = person.post("/transfers", body, key="k", headers=headers).get_json()
    [step] = person.get(f"/flows/{made['flow']}").get_json()["timeline"]
    assert step["correlation_id"] == "correlation-0001"
    assert structlog.contextvars.get_contextvars()["request_id"] != "request-0001"


def test_a_lost_database_is_reported_with_retry_after(container: Container) -> None:
    nowhere = Secret("postgresql+psycopg2://nobody:secret@127.0.0.1:1/nothing")
    parts = build_container(replace(container.settings, database_url=nowhere))
    visitor = application_of(parts).test_client()
    answer = visitor.get("/api/v1/balances", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.get_json()["error"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"]
    assert "secret" not in answer.text
    health = visitor.get("/health")
    assert health.status_code == 503
    assert health.get_json() | {"timestamp": ""} == {
        "status": "unhealthy",
        "version": "0.1.0",
        "bitcoin_rpc": "unknown",
        "database": "disconnected",
        "redis": "connected",
        "chains": {},
        "alerts_evaluated_at": None,
        "alerts_paused_until": None,
        "timestamp": "",
    }


def test_a_lost_redis_degrades_and_nothing_more(container: Container) -> None:
    parts = replace(container, settings=replace(container.settings, redis_url=Secret("redis://127.0.0.1:1")))
    answer = application_of(parts).test_client().get("/health")
    assert (answer.status_code, answer.get_json()["status"], answer.get_json()["redis"]) == (
        200,
        "degraded",
        "disconnected",
    )


def test_a_healthy_house_says_so(own_house: House) -> None:
    answer = own_house.visitor().get("/health")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "healthy")
    assert answer.get_json()["bitcoin_rpc"] == "not_configured"


@pytest.mark.parametrize(("hops", "address"), [(0, "127.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.1")])
def test_a_client_is_where_exactly_so_many_proxies_say(container: Container, hops: int, address: str) -> None:
    parts = replace(container, settings=replace(container.settings, trusted_proxies=hops))
    house = House(parts)
    house.visitor().post(
        "/verify_signature",
        json={"message": "no such challenge", "signature": "00"},
        headers={"X-Forwarded-For": "6.6.6.6, 10.0.0.1, 10.0.0.2"},
    )
    with parts.reading() as session:
        assert session.scalar(text("SELECT address FROM audit_logs")) == address


def test_the_description_is_openapi_and_the_page_shows_all_of_it(house: House) -> None:
    spec: dict[str, Any] = json.loads(house.visitor().get("/openapi.json").text)
    page = house.visitor().get("/docs").text
    assert spec["openapi"].startswith("3.")
    assert page.count("<script") == page.count('<script src="/static/')
    assert "style=" not in page
    for path in spec["paths"]:
        assert path in page
    for name in spec["components"]["schemas"]:
        assert f'id="{name}"' in page


def test_whatever_a_caller_sends_is_explained(house: House) -> None:
    spec: dict[str, Any] = json.loads(house.visitor().get("/openapi.json").text)
    schemas, unexplained = spec["components"]["schemas"], []
    for path, operations in spec["paths"].items():
        shared = operations.get("parameters", [])
        for operation in (known for known in operations.values() if isinstance(known, dict)):
            parameters = [*shared, *operation.get("parameters", [])]
            unexplained += [f"{path} {one['name']}" for one in parameters if not one.get("description")]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                body = schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], content["schema"])
                fields = body.get("properties", {})
                unexplained += [f"{path} {name}" for name, one in fields.items() if not one.get("description")]
    assert unexplained == []


def test_whatever_is_answered_is_explained_and_nothing_that_is_not_there(house: House) -> None:
    spec: dict[str, Any] = json.loads(house.visitor().get("/openapi.json").text)
    fields = {
        f"{schema}.{name}": field
        for schema, shape in spec["components"]["schemas"].items()
        for name, field in shape.get("properties", {}).items()
    }
    assert [name for name, shape in spec["components"]["schemas"].items() if not shape.get("description")] == []
    assert [name for name, field in fields.items() if "$ref" not in field and not field.get("description")] == []
    asked = {
        f"{path}.{parameter['name']}"
        for path, operations in spec["paths"].items()
        for operation in operations.values()
        for parameter in (operation if isinstance(operation, list) else operation.get("parameters", []))
        if "name" in parameter
    }
    known = {*fields, *asked}
    assert [own for own in OWN if own not in known] == []
    assert {*MEANINGS} - {name.rpartition(".")[2] for name in known} == set()


def test_what_is_wrong_with_fields_is_said_as_of_people(house: House) -> None:
    asked = house.person().post("/api/v1/conversions/quotes", {"from_asset": None, "amount": "1", "extra": 1})
    told: dict[str, Any] = json.loads(asked.text)
    assert told["fields"] == {
        "extra": ["is no field of this request"],
        "from_asset": ["must not be null"],
        "to_asset": ["is missing"],
    }
    assert told["error_description"].startswith("extra: is no field of this request; from_asset: must not")
