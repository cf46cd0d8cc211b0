"""Tokens bound to a key (DPoP, RFC 9449): worth nothing to who took them without it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from werkzeug.test import TestResponse

from auth.oauth import dpop, forgetting
from tests.api.house import House
from tests.oauth.app import DEVICE_CODE, register
from tests.oauth.prover import Prover
from tests.oauth.test_device import begin, press
from tests.services.threads import at_once
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

BALANCES = "/api/v1/balances"


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


@pytest.mark.parametrize("alg", dpop.ALGORITHMS)
def test_a_token_is_bound_to_the_key_that_its_app_proved(house: House, alg: str) -> None:
    app, person, prover = register(house), house.person(), Prover(house, alg)
    body = prover.redeem(app, app.code(person)).get_json()
    token = body["access_token"]
    assert body["token_type"] == "DPoP"
    assert jwt.decode(token, options={"verify_signature": False})["cnf"] == {"jkt": prover.jkt}
    told = app.introspect(token)
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": prover.jkt})
    assert prover.get(BALANCES, token).status_code == 200
    assert prover.get(f"{BALANCES}?", token).status_code == 200
    assert prover.get("/oauth/userinfo", token).status_code == 200


def test_a_bound_token_is_worth_nothing_without_its_key(house: House) -> None:
    app, person, prover = register(house), house.person(), Prover(house)
    token = prover.redeem(app, app.code(person)).get_json()["access_token"]
    as_bearer = app.get(BALANCES, token)
    assert refusal(as_bearer) == (401, "invalid_token")
    assert as_bearer.headers.getlist("WWW-Authenticate") == [
        'Bearer error="invalid_token"',
        'DPoP algs="ES256 EdDSA PS256 RS256"',
    ]
    assert refusal(prover.get(BALANCES, token, scheme="Bearer")) == (401, "invalid_token")
    without = prover.get(BALANCES, token, proof="")
    assert refusal(without) == (401, "invalid_dpop_proof")
    assert without.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof", algs=')
    thief = Prover(house)
    assert refusal(thief.get(BALANCES, token)) == (401, "invalid_dpop_proof")
    assert prover.get(BALANCES, token).status_code == 200


def test_an_unbound_token_is_no_dpop_token(house: House) -> None:
    app, person, prover = register(house), house.person(), Prover(house)
    token = app.tokens(person)["access_token"]
    assert refusal(prover.get(BALANCES, token)) == (401, "invalid_token")
    # A session is none either, whatever proof comes with it, and a cookie does not help.
    assert refusal(prover.get(BALANCES, person.token)) == (401, "invalid_token")
    client = house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    assert client.get(BALANCES, headers={"Authorization": "DPoP x"}).status_code == 401
    assert app.get(BALANCES, token).status_code == 200


WRONG: list[dict[str, Any]] = [
    {"htm": "POST"},
    {"htm": "get"},
    {"htm": None},
    {"htu": "https://elsewhere.example/api/v1/balances"},
    {"htu": "http://localhost/api/v1/balance"},
    {"htu": 7},
    {"htu": "http://[::1/"},
    {"htu": None},
    {"later_s": -90},
    {"later_s": 90},
    {"iat": "now"},
    {"iat": True},
    {"iat": None},
    {"iat": float("nan")},
    {"iat": float("inf")},
    {"iat": 10**310},
    {"jti": None},
    {"jti": 7},
    {"jti": "j" * 257},
    {"ath": None},
    {"ath": "A" * 43},
    {"ath": 7},
    {"head": {"typ": "JWT"}},
    {"head": {"jwk": None}},
    {"head": {"jwk": "key"}},
    {"head": {"jwk": {"kty": "EC", "crv": "P-256"}}},
    {"head": {"jwk": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}}},
    {"head": {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}},
    {"head": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}}},
]


@pytest.fixture(scope="module")
def bound(house: House) -> tuple[Prover, str]:
    """A key, and a token that is bound to it."""
    app, person, prover = register(house), house.person(), Prover(house)
    return prover, prover.redeem(app, app.code(person)).get_json()["access_token"]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_a_proof_fits_its_request_or_is_refused(bound: tuple[Prover, str], changes: dict[str, Any]) -> None:
    prover, token = bound
    proof = prover.proof("GET", BALANCES, token, **changes)
    assert refusal(prover.get(BALANCES, token, proof=proof)) == (401, "invalid_dpop_proof")


@pytest.mark.parametrize("nonce", [None, "", "x" * dpop.NONCE_LENGTH, 7, ["x"]], ids=str)
def test_a_proof_holds_a_nonce_of_this_house_and_is_handed_one(bound: tuple[Prover, str], nonce: Any) -> None:
    """Whoever holds a key for a moment cannot have signed proofs for later."""
    prover, token = bound
    refused = prover.get(BALANCES, token, proof=prover.proof("GET", BALANCES, token, nonce=nonce))
    assert refusal(refused) == (401, "use_dpop_nonce")
    assert refused.headers["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce", algs=')
    handed = refused.headers["DPoP-Nonce"]
    again = prover.get(BALANCES, token, proof=prover.proof("GET", BALANCES, token, nonce=handed))
    assert (again.status_code, again.headers["DPoP-Nonce"]) == (200, handed)


def test_the_token_endpoint_hands_out_a_nonce_and_spends_nothing_without_one(house: House) -> None:
    app, prover = register(house), Prover(house)
    code = app.code(house.person())
    refused = prover.redeem(app, code, prover.proof("POST", "/oauth/token", nonce=None))
    assert refusal(refused) == (400, "use_dpop_nonce")
    assert "DPoP-Nonce" in refused.headers["Access-Control-Expose-Headers"]
    proof = prover.proof("POST", "/oauth/token", nonce=refused.headers["DPoP-Nonce"])
    assert prover.redeem(app, code, proof).status_code == 200


def test_a_nonce_lasts_minutes_and_no_longer(house: House, bound: tuple[Prover, str]) -> None:
    prover, token = bound
    for later, status in ((dpop.NONCE_STEP, 200), (2 * dpop.NONCE_STEP, 401)):
        late = replace(prover, house=House(replace(house.container, clock=partial(moved, house.container, later))))
        later_s = int(later.total_seconds())
        proof = prover.proof("GET", BALANCES, token, later_s=later_s)
        assert late.get(BALANCES, token, proof=proof).status_code == status
        assert late.get(BALANCES, token, proof=late.proof("GET", BALANCES, token, later_s=later_s)).status_code == 200


def moved(container: Container, later: timedelta) -> datetime:
    return container.now() + later


def test_a_house_may_do_without_nonces(house: House, bound: tuple[Prover, str]) -> None:
    prover, token = bound
    lenient = House(replace(house.container, settings=replace(house.container.settings, dpop_nonces=False)))
    asking = replace(prover, house=lenient)
    assert asking.get(BALANCES, token, proof=prover.proof("GET", BALANCES, token, nonce=None)).status_code == 200
    assert asking.get(BALANCES, token, proof=prover.proof("GET", BALANCES, token, nonce="x")).status_code == 401


@pytest.mark.parametrize("proof", ["x", "a.b.c", "..", "e30.e30.", "x" * 5000], ids=lambda proof: proof[:8])
def test_what_is_no_proof_is_refused(bound: tuple[Prover, str], proof: str) -> None:
    prover, token = bound
    assert refusal(prover.get(BALANCES, token, proof=proof)) == (401, "invalid_dpop_proof")


def test_a_proof_is_signed_with_the_key_that_it_carries_and_with_nothing_weaker(
    house: House, bound: tuple[Prover, str]
) -> None:
    prover, token = bound
    other = Prover(house)
    claims = jwt.decode(prover.proof("GET", BALANCES, token), options={"verify_signature": False})
    head = {"typ": "dpop+jwt", "jwk": prover.jwk}
    private = {**prover.jwk, "d": "AA"}
    wrong = [
        jwt.encode(claims, other.key, algorithm="ES256", headers=head),
        jwt.encode(claims, "k" * 32, algorithm="HS256", headers=head),
        jwt.encode(claims, "", algorithm="none", headers=head),
        jwt.encode(claims, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", headers=head),
        prover.proof("GET", BALANCES, token, head={"jwk": private}),
        Prover(house, "RS256").proof("GET", BALANCES, token, head={"jwk": {**Prover(house, "RS256").jwk, "n": "AA"}}),
        f"{prover.proof('GET', BALANCES, token)},{prover.proof('GET', BALANCES, token)}",
    ]
    for proof in wrong:
        assert refusal(prover.get(BALANCES, token, proof=proof)) == (401, "invalid_dpop_proof")


def test_an_address_may_be_spelled_in_every_way_that_means_it(bound: tuple[Prover, str]) -> None:
    prover, token = bound
    issuer = prover.house.container.settings.public_url
    for htu in (f"{issuer}{BALANCES}?x=1#y", f"{issuer}{BALANCES}".replace("http://", "HTTP://")):
        proof = prover.proof("GET", BALANCES, token, htu=htu)
        assert prover.get(BALANCES, token, proof=proof).status_code == 200, htu


def test_a_proof_is_good_once_however_many_show_it_at_once(own_house: House) -> None:
    app, person, prover = register(own_house), own_house.person(), Prover(own_house)
    token = prover.redeem(app, app.code(person)).get_json()["access_token"]
    proof = prover.proof("GET", BALANCES, token)
    answers = at_once(*[lambda: prover.get(BALANCES, token, proof=proof).status_code] * 20)
    assert sorted(answers) == [200] + [401] * 19
    # And the same jti by another key is another proof.
    other = Prover(own_house)
    second = other.redeem(app, app.code(person)).get_json()["access_token"]
    jti = jwt.decode(proof, options={"verify_signature": False})["jti"]
    assert other.get(BALANCES, second, proof=other.proof("GET", BALANCES, second, jti=jti)).status_code == 200


def test_a_proof_is_good_once_while_redis_is_down_too(
    own_house: House, own_redis: RedisServer, build: Callable[[Settings], Container]
) -> None:
    settings = replace(own_house.container.settings, redis_url=Secret(own_redis.url))
    house = House(build(settings))
    app, person, prover = register(house), house.person(), Prover(house)
    token = prover.redeem(app, app.code(person)).get_json()["access_token"]
    own_redis.stop()
    proof = prover.proof("GET", BALANCES, token)
    assert prover.get(BALANCES, token, proof=proof).status_code == 200
    assert refusal(prover.get(BALANCES, token, proof=proof)) == (401, "invalid_dpop_proof")
    later = house.container.now() + dpop.KEPT + timedelta(days=1)
    with house.container.transaction() as session:
        forgetting.forget_ended(session, now=later)
        assert session.scalar(text("SELECT count(*) FROM oauth_dpop_proofs")) == 0


def test_the_token_endpoint_refuses_a_bad_proof_and_spends_nothing(house: House) -> None:
    app, person, prover = register(house), house.person(), Prover(house)
    code = app.code(person)
    for proof in ("x", prover.proof("GET", "/oauth/token"), prover.proof("POST", "/oauth/revoke")):
        assert refusal(prover.redeem(app, code, proof)) == (400, "invalid_dpop_proof")
    used = prover.proof("POST", "/oauth/token")
    assert prover.token(app, used, grant_type="nonsense").status_code == 400
    assert refusal(prover.redeem(app, code, used)) == (400, "invalid_dpop_proof")
    assert prover.redeem(app, code).status_code == 200


def test_a_code_that_was_asked_for_with_a_key_is_redeemed_with_it(house: House) -> None:
    app, person, prover = register(house), house.person(), Prover(house)
    code = app.code(person, dpop_jkt=prover.jkt)
    assert refusal(app.redeem(code)) == (400, "invalid_dpop_proof")
    assert refusal(Prover(house).redeem(app, code)) == (400, "invalid_grant")
    assert prover.redeem(app, code).status_code == 200


@pytest.mark.parametrize("flow", ["code", "device"])
def test_the_refresh_tokens_of_an_app_without_a_secret_are_bound_to_its_key(own_house: House, flow: str) -> None:
    kinds = ["authorization_code", DEVICE_CODE, "refresh_token"]
    app = register(own_house, token_endpoint_auth_method="none", grant_types=kinds)
    person, prover = own_house.person(), Prover(own_house)
    if flow == "code":
        first = prover.redeem(app, app.code(person)).get_json()
    else:
        codes = begin(app)
        assert press(person, codes["user_code"], "allow").status_code == 200
        first = prover.token(app, grant_type=DEVICE_CODE, device_code=codes["device_code"]).get_json()
    assert first["token_type"] == "DPoP"
    assert refusal(app.refresh(first["refresh_token"])) == (400, "invalid_dpop_proof")
    assert refusal(Prover(own_house).refresh(app, first["refresh_token"])) == (400, "invalid_grant")
    # Who could not prove it has not used it up.
    second = prover.refresh(app, first["refresh_token"]).get_json()
    assert prover.get(BALANCES, second["access_token"]).status_code == 200
    assert refusal(app.refresh(second["refresh_token"])) == (400, "invalid_dpop_proof")


def test_an_app_with_a_secret_may_change_its_key(house: House) -> None:
    app, person = register(house), house.person()
    first, second = Prover(house), Prover(house)
    body = first.redeem(app, app.code(person)).get_json()
    renewed = second.refresh(app, body["refresh_token"]).get_json()
    assert second.get(BALANCES, renewed["access_token"]).status_code == 200
    assert first.get(BALANCES, body["access_token"]).status_code == 200


def test_an_app_can_see_to_it_that_no_token_of_its_own_is_unbound(house: House) -> None:
    app, person, prover = register(house, dpop_bound_access_tokens=True), house.person(), Prover(house)
    code = app.code(person)
    assert refusal(app.redeem(code)) == (400, "invalid_dpop_proof")
    body = prover.redeem(app, code).get_json()
    assert refusal(app.refresh(body["refresh_token"])) == (400, "invalid_dpop_proof")
    assert prover.refresh(app, body["refresh_token"]).status_code == 200


def test_an_app_spends_with_a_bound_token_and_needs_no_csrf_token(house: House) -> None:
    house.policy(fee_minor=0)
    app, person, prover = register(house), house.person(funds_minor=10**9), Prover(house)
    scope = "withdrawals:create"
    token = prover.redeem(app, app.code(person, "3", scope=scope)).get_json()["access_token"]
    path = "/api/v1/deposit-addresses"
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": prover.proof("POST", path, token),
        "Origin": "https://x.example",
    }
    answer = house.visitor().post(path, json={}, headers=headers)
    assert refusal(answer) == (403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="insufficient_scope"')
