"""The authorization code flow: what is asked, what is refused, and what a code is good for."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from tests.api.house import House
from tests.databases import Database
from tests.oauth.ageing import age, still
from tests.oauth.app import App, allow, ask, register, sent_back
from tests.services.threads import at_once
from tests.stored import everything_stored


def test_a_user_agrees_once_and_the_app_reads_their_balance(house: House) -> None:
    app, person = register(house), house.person(funds_minor=7)
    page = ask(person, app.query())
    assert page.status_code == 200
    assert "See your balances and your history." in page.text
    assert "form-action 'self' https://app.example;" in page.headers["Content-Security-Policy"]
    sent = sent_back(allow(person, app.query()))
    assert (sent["state"], sent["iss"]) == ("state-1", house.container.settings.public_url)
    answer = app.redeem(sent["code"])
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == (
        "Bearer",
        3600,
        "openid profile:read wallet:read",
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert app.get("/api/v1/balances", body["access_token"]).status_code == 200
    assert app.get("/api/demo/protected", body["access_token"]).get_json()["client_id"] == app.client_id
    # Agreed to before: no question, straight back.
    assert "code" in sent_back(ask(person, app.query()))
    assert ask(person, app.query(prompt="consent")).status_code == 200
    assert ask(person, app.query(scope="openid deposits:read")).status_code == 200


def test_a_user_who_says_no_is_sent_back_with_that(house: House) -> None:
    app, person = register(house), house.person()
    sent = sent_back(allow(person, app.query(), decision="deny"))
    assert (sent["error"], sent["state"]) == ("access_denied", "state-1")
    assert sent["iss"] == house.container.settings.public_url


def test_a_visitor_signs_in_first_and_comes_back_to_the_question(house: House) -> None:
    app = register(house)
    answer = house.visitor().get("/oauth/authorize", query_string=app.query())
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=/oauth/authorize")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"scope": "transfers:create"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"prompt": "none"}, "consent_required"),
    ],
    ids=str,
)
def test_a_wrong_question_is_answered_to_the_app(house: House, changes: dict[str, str], error: str) -> None:
    app, person = register(house), house.person()
    sent = sent_back(ask(person, app.query(**changes)))
    assert (sent["error"], sent["state"]) == (error, "state-1")
    assert sent["iss"] == house.container.settings.public_url


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "app-nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://app.example/callback/"},
        {"redirect_uri": "https://app.example/callback?x=1"},
        {"redirect_uri": "https://app.example:444/callback"},
        {"redirect_uri": "http://app.example/callback"},
        {"redirect_uri": "https://app.example/call\x00back"},
        {"redirect_uri": 'https://app.example/"quoted"'},
        {"state": "s" * 5000},
    ],
    ids=str,
)
def test_nobody_is_sent_where_it_is_not_certain_to_be_safe(house: House, changes: dict[str, str]) -> None:
    app, person = register(house), house.person()
    answer = ask(person, app.query(**changes))
    assert answer.status_code == 400
    assert "cannot be answered" in answer.text


def test_a_parameter_that_comes_twice_is_refused(house: House) -> None:
    app, person = register(house), house.person()
    twice = [*app.query().items(), ("scope", "openid")]
    assert ask(person, twice).status_code == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(("host", "registered"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]")])
def test_the_port_of_a_loopback_address_is_free(house: House, host: str, registered: str) -> None:
    uri = f"http://{registered}:1/done"
    app, person = register(house, redirect_uris=[uri], token_endpoint_auth_method="none"), house.person()
    here = f"http://{host}:50123/done"
    code = sent_back(allow(person, app.query(redirect_uri=here)))["code"]
    assert app.redeem(code, redirect_uri=uri).get_json()["error"] == "invalid_grant"
    assert app.redeem(code, redirect_uri=here).status_code == 200
    assert ask(person, app.query(redirect_uri=f"http://{host}:50123/other")).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "x" * 64}, "invalid_grant"),
        ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "nonsense"}, "invalid_grant"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": 'a"b'}, "invalid_request"),
    ],
    ids=str,
)
def test_a_code_is_redeemed_only_as_it_was_asked_for(house: House, changes: dict[str, str], error: str) -> None:
    app, person = register(house), house.person()
    code = app.code(person)
    refused = app.redeem(code, **changes)
    assert (refused.status_code, refused.get_json()["error"]) == (400, error)
    assert {"error_description", "timestamp", "request_id"} <= set(refused.get_json())
    # A refusal is no redemption.
    assert app.redeem(code).status_code == 200


def test_a_code_belongs_to_the_app_that_it_was_given_to(house: House) -> None:
    app, other, person = register(house), register(house), house.person()
    code = app.code(person)
    other.verifier = app.verifier
    assert other.redeem(code).get_json()["error"] == "invalid_grant"
    impostor = App(house, app.client_id, "wrong", app.verifier)
    refused = impostor.redeem(code)
    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")
    assert refused.get_json()["error_description"].startswith("There is no such app, or this is not its secret")
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    nameless = App(house, app.client_id, None, app.verifier)
    assert nameless.redeem(code).status_code == 401
    posted = house.visitor().post(
        "/oauth/token",
        data={"grant_type": "authorization_code", "client_id": app.client_id, "client_secret": app.secret},
    )
    assert posted.status_code == 401, "an app proves itself only in the way that it registered"
    assert app.redeem(code).status_code == 200


def test_a_code_lasts_ten_minutes(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    code = app.code(person)
    age(own_house, "oauth_codes", "expires_at", timedelta(minutes=10))
    assert app.redeem(code).get_json()["error"] == "invalid_grant"


def test_of_fifty_redemptions_of_a_code_at_once_one_succeeds(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    code = app.code(person)
    at_this_moment = replace(app, house=still(own_house))
    answers = at_once(*[lambda: at_this_moment.redeem(code)] * 50)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.get_json()["error"] for answer in answers if answer not in won} == {"invalid_grant"}
    # Who lost was no thief: the tokens stay good.
    assert app.get("/api/v1/balances", won[0].get_json()["access_token"]).status_code == 200


def test_a_code_that_comes_back_later_ends_its_tokens(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    code = app.code(person)
    body = app.redeem(code).get_json()
    thief = App(own_house, app.client_id, app.secret, "y" * 64)
    age(own_house, "oauth_codes", "redeemed_at", timedelta(seconds=3))
    assert thief.redeem(code).get_json()["error"] == "invalid_grant"
    assert app.get("/api/v1/balances", body["access_token"]).status_code == 200
    assert app.redeem(code).get_json()["error"] == "invalid_grant"
    assert app.get("/api/v1/balances", body["access_token"]).status_code == 401
    assert app.refresh(body["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_no_secret_is_kept(own_house: House, own_database: Database) -> None:
    app, person = register(own_house), own_house.person()
    code = app.code(person)
    body = app.redeem(code).get_json()
    hidden = (app.secret, code, body["access_token"], body["refresh_token"], body["id_token"], "PRIVATE KEY")
    stored = everything_stored(own_database.owner_url)
    assert stored["oauth_families"]
    assert {table for table, rows in stored.items() if any(s and s in rows for s in hidden)} == set()


def test_the_access_token_is_what_rfc_9068_says(house: House) -> None:
    app, person = register(house), house.person()
    token = app.tokens(person)["access_token"]
    keys = jwt.PyJWKSet.from_dict(house.visitor().get("/oauth/jwks").get_json())
    header = jwt.get_unverified_header(token)
    issuer = house.container.settings.public_url
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], issuer=issuer, audience=f"{issuer}/api/v1")
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert (claims["sub"], claims["client_id"]) == (str(person.user_id), app.client_id)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["scope"] == "openid profile:read wallet:read"


def test_the_id_token_answers_the_nonce(house: House) -> None:
    app, person = register(house), house.person()
    body = app.tokens(person, nonce="n-1")
    keys = jwt.PyJWKSet.from_dict(house.visitor().get("/oauth/jwks").get_json())
    kid = jwt.get_unverified_header(body["id_token"])["kid"]
    claims = jwt.decode(body["id_token"], keys[kid], algorithms=["RS256"], audience=app.client_id)
    assert (claims["nonce"], claims["sub"]) == ("n-1", str(person.user_id))
    assert "id_token" not in app.tokens(person, scope="wallet:read")


def test_an_app_may_choose_hs256_and_its_tokens_open_the_same_doors(house: House) -> None:
    app, person = register(house, access_token_signed_response_alg="HS256"), house.person()
    token = app.tokens(person)["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    assert app.get("/api/v1/balances", token).status_code == 200
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, app.secret or "", algorithms=["HS256"], options={"verify_aud": False})


def test_a_forged_token_opens_nothing(house: House) -> None:
    app, person = register(house), house.person()
    token = app.tokens(person)["access_token"]
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    public = house.visitor().get("/oauth/jwks").get_json()["keys"][0]["n"]
    forged = [
        _signed_with(public.encode(), {**header, "alg": "HS256"}, claims),
        jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"kid": f"client:{app.client_id}", "typ": "at+jwt"}),
        _signed_with(b"", {**header, "alg": "none"}, claims).rpartition(".")[0] + ".",
        token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        "a.b.c",
        "..",
        app.tokens(person)["id_token"],
    ]
    for other in forged:
        refused = app.get("/api/v1/balances", other)
        assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_token")
        assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def _signed_with(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """What PyJWT refuses to make: a token whose HMAC key is our public key."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    tag = base64.urlsafe_b64encode(hmac.digest(secret, b".".join(parts), "sha256")).rstrip(b"=")
    return b".".join([*parts, tag]).decode()
