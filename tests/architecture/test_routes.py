"""Every route says who may come in, and what is public is listed here by hand."""

import inspect

import pytest
from flask import Flask
from sqlalchemy import create_engine

from api.app import create_app
from api.guards import SAFE_METHODS, guard_of
from auth.oauth.scopes import SCOPES
from wiring.container import Container
from wiring.settings import read_settings

PUBLIC = {
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/openid-configuration",
    "GET /docs",
    "GET /health",
    "GET /health/live",
    "GET /login",
    "GET /mail/unsubscribe/<uuid:user_id>/<tag>",
    "GET /login/<uuid:challenge_id>",
    "GET /login/wallet/<uuid:session_id>",
    "GET /login/wallet/<uuid:session_id>/qr.svg",
    "GET /oauth/authorize",
    "GET /oauth/jwks",
    "GET /openapi.json",
    "GET /static/<path:name>",
    "GET /api/lnurl-auth/callback/<uuid:session_id>",
    "GET /api/lnurl-auth/check/<uuid:session_id>",
    "GET /api/lnurl-auth/params",
    "POST /api/auth/challenge",
    "POST /api/lnurl-auth/create",
    "POST /login",
    "POST /login/<uuid:challenge_id>",
    "POST /login/wallet",
    "POST /logout",
    "POST /mail/unsubscribe/<uuid:user_id>/<tag>",
    "POST /oauth/device_authorization",
    "POST /oauth/introspect",
    "POST /oauth/register",
    "POST /oauth/revoke",
    "POST /oauth/token",
    "POST /verify_signature",
    "POST /webhooks/<provider>",
    "POST /webhooks/<provider>/<topic>",
}
APPS_CHANGE = {
    # What an app makes, which touches nothing that was there.
    "POST /api/v1/conversions/quotes",
    "POST /api/v1/deposit-addresses",
    "POST /api/v1/payment-verifications",
    "POST /api/v1/transfers",
    "POST /api/v1/withdrawals",
    # What acts on something that is named: on what the app made itself, and nothing else.
    "POST /api/v1/conversions",
    "POST /api/v1/withdrawals/<uuid:withdrawal_id>/cancel",
    # A second way to read.
    "POST /oauth/userinfo",
}
# Those of the JSON API that keep the addresses they had elsewhere.
DESCRIBED_TOO = {
    "POST /verify_signature",
    "POST /logout",
    "POST /import_descriptor",
    "POST /verify_pubkey_and_list",
    "GET /export_wallet",
}
# Where apps are served. The question to the user is a page and described nowhere.
OAUTH = ("/oauth/", "/.well-known/")
PAGES = {"GET /oauth/authorize", "POST /oauth/authorize"}
ROLES = {"role:viewer", "role:approver", "role:admin"}
SCOPE_GUARDS = {f"scope:{name}" for name in SCOPES}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application that connects to nothing."""
    settings = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path_factory.mktemp("routes"))})
    return create_app(Container(settings=settings, engine=create_engine("postgresql+psycopg2://")))


def guards(app: Flask) -> dict[str, str | None]:
    return {
        f"{method} {rule.rule}": guard_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_guarded_or_listed_as_public(app: Flask) -> None:
    known = {"public", "signed_in", "monitored", *ROLES, *SCOPE_GUARDS}
    undecided = [route for route, guard in guards(app).items() if guard not in known]
    assert undecided == []


def test_exactly_the_listed_routes_are_public(app: Flask) -> None:
    assert {route for route, guard in guards(app).items() if guard == "public"} == PUBLIC


def test_what_apps_can_change_is_known(app: Flask) -> None:
    """An app acts only on what it began: who lets apps change one thing more looks first whose that is."""
    changing = {
        route
        for route, guard in guards(app).items()
        if (guard or "").startswith("scope:") and route.split()[0] not in SAFE_METHODS
    }
    assert changing == APPS_CHANGE


def test_what_only_operators_may_do_is_behind_a_role(app: Flask) -> None:
    operators = {route: guard for route, guard in guards(app).items() if "/operator" in route or "/observers" in route}
    assert operators
    assert set(operators.values()) <= ROLES
    looking = {route for route, guard in operators.items() if guard == "role:viewer"}
    assert all(route.startswith("GET") for route in looking)


def test_every_route_of_the_api_is_described(app: Flask) -> None:
    spec = app.test_client().get("/openapi.json").get_json()
    described = {
        f"{method.upper()} {path}"
        for path, operations in spec["paths"].items()
        for method in operations
        if method != "parameters"
    }
    served = {
        route.replace("<uuid:", "{").replace("<", "{").replace(">", "}")
        for route in guards(app)
        if "/api/" in route or route in DESCRIBED_TOO or any(part in route for part in OAUTH)
    }
    assert described == served - PAGES


def test_every_operation_says_what_it_does_and_how_it_refuses(app: Flask) -> None:
    spec = app.test_client().get("/openapi.json").get_json()
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation["summary"], f"{method} {path}"
            assert operation["responses"]["default"], f"{method} {path}"
            assert any(status.startswith("2") for status in operation["responses"])


def test_every_post_that_moves_money_asks_for_a_key(app: Flask) -> None:
    spec = app.test_client().get("/openapi.json").get_json()
    keyed = {
        path
        for path, operations in spec["paths"].items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operations.get("post", {}).get("parameters", []))
    }
    assert keyed == {
        "/api/v1/withdrawals",
        "/api/v1/transfers",
        "/api/v1/conversions",
        "/api/v1/payment-verifications",
    }


def test_reading_views_open_no_transaction(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1") and (rule.methods or set()) <= SAFE_METHODS:
            source = inspect.getsource(inspect.unwrap(app.view_functions[rule.endpoint]))
            assert ".transaction()" not in source, rule.rule
