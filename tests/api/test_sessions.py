"""Sessions: what they open, when they end, and which requests other sites cannot make with them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from coincurve import PrivateKey
from flask.testing import FlaskClient
from sqlalchemy import text

from auth import roles
from tests.api.house import ASSET, House
from tests.api.test_sign_in import ask, prove, public_key
from tests.application import application_of
from wiring.container import Container

ORIGIN = "http://localhost"


def browser(house: House) -> FlaskClient:
    """A browser that has signed in: it has a cookie and sends no Authorization."""
    client, key = house.visitor(use_cookies=True), PrivateKey()
    assert prove(client, key, ask(client, public_key(key))).status_code == 200
    return client


def token_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(own_house: House) -> None:
    client, key = own_house.visitor(), PrivateKey()
    cookie = prove(client, key, ask(client, public_key(key))).headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_over_https_the_cookie_is_bound_to_the_host(own_house: House) -> None:
    settings = replace(own_house.container.settings, public_url="https://money.example")
    secure = House(replace(own_house.container, settings=settings))
    client, key = secure.visitor(), PrivateKey()
    answer = prove(client, key, ask(client, public_key(key)))
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Path=/" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_only_the_hash_of_a_token_is_kept(own_house: House) -> None:
    token = token_of(browser(own_house))
    with own_house.container.reading() as session:
        [row] = session.execute(text("SELECT CAST(sessions AS text) FROM sessions")).scalars()
    assert token not in row


def later(house: House, **parts: float) -> FlaskClient:
    """A visitor of the same house after some time, on the application's clock."""
    container = house.container
    return House(replace(container, clock=lambda: container.now() + timedelta(**parts))).visitor()


def opens(client: FlaskClient, token: str) -> bool:
    """Whether the token is good, by both ways to look it up: with a question along, and without."""
    headers = {"Authorization": f"Bearer {token}"}
    along, alone = (client.get(f"/api/v1/{path}", headers=headers).status_code for path in ("balances", "assets"))
    assert along == alone
    assert alone in {200, 401}
    return alone == 200


def test_a_session_ends_after_its_hours_however_much_it_is_used(own_house: House) -> None:
    token = token_of(browser(own_house))
    for hours in (0, 8, 16, 23.9):
        assert opens(later(own_house, hours=hours), token)
    assert not opens(later(own_house, hours=24), token)


def test_a_session_that_nobody_uses_ends_earlier(own_house: House) -> None:
    token = token_of(browser(own_house))
    assert not opens(later(own_house, hours=12.1), token)


@pytest.mark.parametrize("path", ["balances", "assets"])
def test_the_use_of_a_session_is_noted_by_either_look_up(own_house: House, path: str) -> None:
    token = token_of(browser(own_house))
    for hours in (8, 16):
        answer = later(own_house, hours=hours).get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_somebody_in_a_house_without_assets_has_none(container: Container) -> None:
    client, key = application_of(container).test_client(), PrivateKey()
    token = prove(client, key, ask(client, public_key(key))).get_json()["session_token"]
    answer = client.get("/api/v1/balances", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.get_json()) == (200, {"items": []})


def test_signing_in_again_ends_the_session_before(own_house: House) -> None:
    client, key = own_house.visitor(use_cookies=True), PrivateKey()
    prove(client, key, ask(client, public_key(key)))
    before = token_of(client)
    prove(client, key, ask(own_house.visitor(), public_key(key)), headers={"Origin": ORIGIN})
    assert token_of(client) != before
    old = own_house.visitor().get("/api/v1/balances", headers={"Authorization": f"Bearer {before}"})
    assert old.status_code == 401


def test_signing_out_ends_the_session_and_is_on_record(own_house: House) -> None:
    client = browser(own_house)
    token = token_of(client)
    assert client.post("/logout", headers={"Origin": ORIGIN}).status_code == 204
    assert client.get_cookie("session") is None
    gone = own_house.visitor().get("/api/v1/balances", headers={"Authorization": f"Bearer {token}"})
    assert gone.status_code == 401
    with own_house.container.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM audit_logs WHERE event = 'logout'")) == 1


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nonsense", "Bearer " + "x" * 9000, "Basic abc", "bearer \u00e9"]
)
def test_a_token_that_stands_for_nobody_opens_nothing(house: House, header: str) -> None:
    refused = house.visitor().get("/api/v1/balances", headers={"Authorization": header})
    assert (refused.status_code, refused.get_json()["error"]) == (401, "not_signed_in")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"X-CSRF-Token": "0" * 64}, False),
        ({"X-CSRF-Token": "\u00e9"}, False),
        ({"Authorization": "Basic abc"}, False),
        ({"Origin": ORIGIN}, True),
        ({"Origin": "http://127.0.0.1:8080"}, True),
    ],
    ids=str,
)
def test_a_cookie_alone_changes_nothing(house: House, headers: dict[str, str], allowed: bool) -> None:
    client = browser(house)
    answer = client.post("/api/v1/deposit-addresses", json={"asset": "DOGE"}, headers=headers)
    assert answer.get_json()["error"] == ("unknown_asset" if allowed else "cross_site_refused")


def test_a_form_carries_the_sessions_own_token(house: House) -> None:
    client = browser(house)
    with house.app.test_request_context("/", headers={"Cookie": f"session={token_of(client)}"}):
        token = house.app.jinja_env.globals["csrf_token"]()  # type: ignore[operator]
    answer = client.post("/api/v1/deposit-addresses", json={"asset": ASSET}, headers={"X-CSRF-Token": token})
    assert answer.get_json()["error"] == "address_pool_empty"
    other = browser(house)
    refused = other.post("/api/v1/deposit-addresses", json={"asset": ASSET}, headers={"X-CSRF-Token": token})
    assert refused.get_json()["error"] == "cross_site_refused"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_sign_a_visitor_in(house: House, headers: dict[str, str]) -> None:
    client, key = house.visitor(), PrivateKey()
    refused = prove(client, key, ask(client, public_key(key)), headers=headers)
    assert (refused.status_code, refused.get_json()["error"]) == (403, "cross_site_refused")


def test_a_bearer_token_needs_no_proof_of_origin(house: House) -> None:
    person = house.person()
    answer = person.post("/deposit-addresses", {"asset": "DOGE"}, headers={"Origin": "https://evil.example"})
    assert answer.get_json()["error"] == "unknown_asset"


def test_a_role_counts_from_the_next_request_on_and_so_does_its_loss(house: House) -> None:
    person = house.person()
    assert (person.get("/state").status_code, person.get("/state").get_json()["error"]) == (403, "role_missing")
    with house.container.transaction() as session:
        roles.grant(session, person.user_id, "viewer", by="test", now=house.container.now())
    assert person.get("/state").status_code == 200
    with house.container.transaction() as session:
        roles.revoke(session, person.user_id, "viewer")
    assert person.get("/state").status_code == 403


@pytest.mark.parametrize(
    ("role", "may_see", "may_approve", "may_control"),
    [
        (None, False, False, False),
        ("viewer", True, False, False),
        ("approver", True, True, False),
        ("admin", True, True, True),
    ],
)
def test_each_role_opens_what_it_names(
    house: House, role: str | None, may_see: bool, may_approve: bool, may_control: bool
) -> None:
    person = house.person(role=role)
    nothing = "01a1fc2b-bf4b-788d-9cb4-0771b20f873c"
    assert (person.get("/operator/withdrawals").status_code == 200) is may_see
    assert (person.post(f"/operator/withdrawals/{nothing}/approve").status_code == 404) is may_approve
    assert (person.post("/observers/nowhere/pause").status_code == 404) is may_control
