"""What an attacker would try on the way to a token, and with one."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from api.access import provider
from auth.oauth import grants, keys
from tests.api.house import ASSET, DESTINATION, House
from tests.oauth.app import DEVICE_CODE, ORIGIN, App, allow, ask, register, sent_back
from tests.oauth.prover import Prover
from tests.oauth.test_scopes import spender
from tests.waiting import eventually
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
BALANCES = "/api/v1/balances"


def test_an_app_that_is_being_ended_spends_nothing_meanwhile(own_house: House) -> None:
    own_house.policy(fee_minor=0)
    app, token = spender(own_house, "3")
    assert app.withdraw(token, "1", key="before").status_code == 201

    def is_waiting() -> bool:
        with own_house.container.reading() as session:
            return bool(session.scalar(text(WAITING)))

    with ThreadPoolExecutor(1) as threads, own_house.container.transaction() as session:
        grant_id, user_id = session.execute(text("SELECT id, user_id FROM oauth_grants")).one()
        grants.revoke(session, grant_id, user_id=user_id, now=own_house.container.now())
        # The token is still good to who looks now: only the lock on the grant's row holds the money back.
        meanwhile = threads.submit(app.withdraw, token, "1", key="meanwhile")
        eventually(is_waiting)
        session.commit()
        refused = meanwhile.result()
    assert (refused.status_code, refused.get_json()["error"]) == (403, "spending_limit_exceeded")
    assert "taken back" in refused.get_json()["error_description"]
    with own_house.container.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM withdrawals")) == 1


@pytest.fixture
def counting(own_house: House, own_redis: RedisServer, build: Callable[[Settings], Container]) -> House:
    """A house where each may ask three times a minute."""
    return House(build(replace(own_house.container.settings, redis_url=Secret(own_redis.url), read_limit=3)))


@pytest.mark.parametrize("path", ["token", "introspect", "revoke", "device_authorization"])
def test_each_app_may_ask_so_often_wherever_it_asks_from(counting: House, path: str) -> None:
    app = register(counting)
    told = [send(counting, app, f"/oauth/{path}", f"192.0.2.{number}") for number in range(5)]
    assert [answer.status_code == 429 for answer in told] == [False, False, False, True, True]
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in told[3:])
    assert told[3].get_json()["error"] == "rate_limited"


def test_an_app_that_needs_not_ask_is_counted_for_each_user_wherever_their_browser_is(
    own_house: House, own_redis: RedisServer, build: Callable[[Settings], Container]
) -> None:
    counted = replace(own_house.container.settings, redis_url=Secret(own_redis.url), user_limit=3, read_limit=8)
    house = House(build(counted))
    (app, other), (person, somebody) = (register(house), register(house)), (house.person(), house.person())
    for one in (app, other):
        one.code(person)
    told = [ask(person, app.query(prompt="none"), address=f"192.0.2.{n}") for n in range(5)]
    assert ["code" in sent_back(answer) for answer in told[:3]] == [True] * 3
    assert [answer.status_code for answer in told[3:]] == [429] * 2
    assert 1 <= int(told[3].headers["Retry-After"]) <= 60
    # Who asks as that app of somebody else, or as another app of this person, is not kept out by it.
    assert ask(somebody, app.query(), address="192.0.2.9").status_code == 200
    assert "code" in sent_back(ask(person, other.query(prompt="none"), address="192.0.2.10"))
    # All of them together are counted for the person, who may be asked no more than they may look.
    told = [ask(person, register(house).query(), address=f"192.0.3.{n}") for n in range(2)]
    assert [answer.status_code for answer in told] == [429] * 2


@pytest.mark.parametrize("path", ["token", "introspect", "revoke", "device_authorization"])
def test_nobody_uses_up_what_another_app_may_ask(counting: House, path: str) -> None:
    """Its name is no secret: it counts only with a proof."""
    proven, public = register(counting), register(counting, token_endpoint_auth_method="none")
    thief = replace(proven, secret="guessed")
    named = replace(public, secret="")
    for number in range(5):
        for app in (thief, public, named):
            send(counting, app, f"/oauth/{path}", f"192.0.{number}.{app.client_id == proven.client_id:d}")
    for app in (proven, public):
        assert send(counting, app, f"/oauth/{path}", "198.51.100.1").status_code != 429


def test_an_app_without_a_secret_is_counted_by_what_it_redeems(counting: House) -> None:
    app = register(counting, token_endpoint_auth_method="none", scope="openid")
    person = counting.person()
    token = app.tokens(person, scope="openid")["refresh_token"]
    for number in range(4):
        form = {"grant_type": "refresh_token", "client_id": app.client_id, "refresh_token": token}
        origin = {"REMOTE_ADDR": f"192.0.2.{number}"}
        # Another name in the header is nobody's but who can prove it.
        basic = {"Authorization": "Basic " + base64.b64encode(b"another:").decode()} if number else {}
        answer = counting.visitor().post("/oauth/token", data=form, headers=basic, environ_overrides=origin)
        assert answer.status_code == (200 if number < 2 else 429), number
        token = answer.get_json().get("refresh_token")


@pytest.mark.parametrize("spelling", ["as others do", "with junk", "with percents"])
def test_an_app_is_counted_however_it_spells_its_name(counting: House, spelling: str) -> None:
    app = register(counting)
    assert app.secret is not None
    name = "%61" + app.client_id[1:] if spelling == "with percents" else app.client_id
    basic = base64.b64encode(f"{name}:{app.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic[:8]}!{basic[8:]}" if spelling == "with junk" else f"Basic {basic}"}
    told = [
        counting.visitor()
        .post(
            "/oauth/introspect", data={"token": "x"}, headers=headers, environ_overrides={"REMOTE_ADDR": f"192.0.2.{n}"}
        )
        .status_code
        for n in range(4)
    ]
    assert told == [200, 200, 200, 429]


def send(house: House, app: App, path: str, address: str) -> Any:
    form = {"client_id": app.client_id} if app.secret is None else {}
    asked = {"token": "x", "grant_type": "refresh_token", "refresh_token": "x"}
    origin = {"REMOTE_ADDR": address}
    return house.visitor().post(path, data={**form, **asked}, headers=app.headers, environ_overrides=origin)


def test_a_token_counts_only_as_it_was_issued(house: House) -> None:
    app, other, person = register(house), register(house), house.person()
    symmetric = register(house, access_token_signed_response_alg="HS256")
    token = app.tokens(person)["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    parts = house.container
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "JWT"),
        ({"iss": "https://elsewhere.example"}, "at+jwt"),
        ({"jti": "01a1fc2b-bf4b-788d-9cb4-0771b20f873c"}, "at+jwt"),
        ({"jti": "no id"}, "at+jwt"),
        ({"sub": str(house.person().user_id)}, "at+jwt"),
        ({"client_id": other.client_id}, "at+jwt"),
        ({"exp": claims["iat"] - 1}, "at+jwt"),
    ]
    with parts.transaction() as session:
        signed = [
            keys.sign(session, provider(parts), {**claims, **changes}, kind=kind, now=parts.now())
            for changes, kind in wrong
        ]
        again = keys.sign(session, provider(parts), claims, kind="at+jwt", now=parts.now())
    # The key that one app's tokens are signed with is no key for those of another.
    key = provider(parts).symmetric_key(symmetric.client_id)
    head = {"kid": f"client:{symmetric.client_id}", "typ": "at+jwt"}
    signed.append(jwt.encode(claims, key, algorithm="HS256", headers=head))
    for forged in signed:
        assert app.get(BALANCES, forged).status_code == 401
    assert app.get(BALANCES, again).status_code == 200


def test_a_token_in_an_address_or_a_form_is_not_looked_at(house: House) -> None:
    app, person = register(house), house.person()
    token = app.tokens(person)["access_token"]
    assert house.visitor().get("/oauth/userinfo", query_string={"access_token": token}).status_code == 401
    assert house.visitor().post("/oauth/userinfo", data={"access_token": token}).status_code == 401


def test_what_a_client_sends_in_the_address_of_the_token_endpoint_is_not_looked_at(house: House) -> None:
    app, person = register(house), house.person()
    form = {"grant_type": "authorization_code", "code": app.code(person), "code_verifier": app.verifier}
    answer = house.visitor().post("/oauth/token", query_string=form, headers=app.headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("origin", ["https://app.example", "null", None])
@pytest.mark.parametrize("path", ["/oauth/authorize", "/device", "/apps/{}/revoke", "/developer"])
def test_no_other_site_presses_a_button(house: House, path: str, origin: str | None) -> None:
    app, person = register(house), house.person()
    client = house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    headers = {"Origin": origin} if origin else {}
    path = path.format("01a1fc2b-bf4b-788d-9cb4-0771b20f873c")
    answer = client.post(path, query_string=app.query(), data={"decision": "allow"}, headers=headers)
    assert (answer.status_code, answer.get_json()["error"]) == (403, "cross_site_refused")


def test_the_question_is_shown_in_no_frame_and_its_policy_is_closed_but_for_the_app(house: House) -> None:
    app, person = register(house), house.person()
    page = ask(person, app.query())
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_the_names_of_an_app_are_words_and_no_markup(house: House) -> None:
    app, person = register(house, client_name="<script>alert(1)</script>"), house.person()
    shown = ask(person, app.query()).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


def test_what_an_app_may_do_is_not_changed_on_the_way(house: House) -> None:
    """The question and the answer are for one request: the address of the form, which no other site can send."""
    app, person = register(house), house.person()
    code = sent_back(allow(person, app.query(scope="openid")))["code"]
    assert app.redeem(code, scope="openid withdrawals:create").get_json()["scope"] == "openid"


def test_a_device_code_is_no_use_to_another_app_or_to_who_has_no_secret(own_house: House) -> None:
    kinds: dict[str, Any] = {"grant_types": [DEVICE_CODE], "redirect_uris": []}
    app, other = register(own_house, **kinds), register(own_house, **kinds)
    person = own_house.person()
    codes = app.post("/oauth/device_authorization", scope="openid").get_json()
    client = own_house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    form = {"user_code": codes["user_code"], "decision": "allow"}
    assert client.post("/device", data=form, headers={"Origin": ORIGIN}).status_code == 200
    asked = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}
    assert other.post("/oauth/token", **asked).get_json()["error"] == "unauthorized_client"
    for impostor in (App(own_house, app.client_id, None), App(own_house, app.client_id, "wrong")):
        assert impostor.post("/oauth/token", **asked).status_code == 401
        assert impostor.post("/oauth/device_authorization", scope="openid").status_code == 401
    assert app.post("/oauth/token", **asked).status_code == 200


def test_no_secret_is_written_to_the_log(own_house: House, capfd: pytest.CaptureFixture[str]) -> None:
    app, person, prover = register(own_house), own_house.person(), Prover(own_house)
    code = app.code(person)
    proof = prover.proof("POST", "/oauth/token")
    body = prover.redeem(app, code, proof).get_json()
    app.introspect(body["access_token"])
    app.post("/oauth/revoke", token=body["refresh_token"])
    prover.redeem(app, code)
    app.get(BALANCES, body["access_token"])
    said = "".join(capfd.readouterr())
    assert "/oauth/token" in said
    hidden = (app.secret, code, proof, app.verifier, person.token, *(body[name] for name in body if "token" in name))
    assert [secret for secret in hidden if secret and secret != "DPoP" and secret in said] == []


def test_where_money_goes_is_the_users_word_and_not_the_apps(house: House) -> None:
    """An app with a spending scope cannot open more of the account to itself."""
    app, person = register(house), house.person(funds_minor=10**9)
    token = app.redeem(app.code(person, "1", scope="withdrawals:create")).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"asset": ASSET, "destination": DESTINATION}
    for path in ("/api/v1/allowed-destinations", "/oauth/register"):
        assert house.visitor().post(path, json=body, headers=headers).status_code == 403
    for path in ("/oauth/authorize", "/device", "/developer", "/account"):
        answer = house.visitor().post(path, data={"decision": "allow"}, headers=headers)
        assert answer.status_code in {403, 404, 405}, path


def test_a_name_that_postgresql_cannot_hold_names_no_app_and_no_key(house: House) -> None:
    """A header and a JWT may say what no parameter may."""
    app, person = register(house), house.person()
    named = base64.b64encode(b"a\0b:secret").decode()
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    refused = house.visitor().post("/oauth/token", data=form, headers={"Authorization": f"Basic {named}"})
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")
    for no_text in ("/////w==", "7aCAOng=", "\u00e9"):
        headers = {"Authorization": f"Basic {no_text}"}
        for path in ("token", "revoke", "introspect", "device_authorization"):
            unread = house.visitor().post(f"/oauth/{path}", data={**form, "token": "x"}, headers=headers)
            assert (unread.status_code, unread.get_json()["error"]) == (401, "invalid_client")
    hint = jwt.encode({"sub": "x"}, "k" * 32, algorithm="HS256", headers={"kid": "a\0b"})
    assert sent_back(ask(person, app.query(id_token_hint=hint)))["error"] == "invalid_request"
