"""Registration (RFC 7591) and what the provider says of itself (RFC 8414)."""

from dataclasses import replace
from typing import Any

import jwt
import pytest

from api.access import provider
from auth.oauth import keys
from tests.api.house import House
from tests.oauth.app import CALLBACK, DEVICE_CODE, register, send_registration


def test_an_app_is_registered_and_gets_a_secret_once(house: House) -> None:
    answer = send_registration(house, {"client_name": "Lens", "redirect_uris": [CALLBACK], "logo_uri": "ignored"})
    body = answer.get_json()
    assert answer.status_code == 201
    assert body["client_secret_expires_at"] == 0
    assert len(body["client_secret"]) >= 43
    assert body["token_endpoint_auth_method"] == "client_secret_basic"
    assert body["response_types"] == ["code"]
    public = send_registration(
        house,
        {"client_name": "Phone", "redirect_uris": ["com.example.phone:/cb"], "token_endpoint_auth_method": "none"},
    ).get_json()
    assert "client_secret" not in public


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/cb#part"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://user@app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://*.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["myapp://cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example:x/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://app.example/cb"}, "invalid_client_metadata"),
        ({"client_name": ""}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"client_name": "a\x00b"}, "invalid_client_metadata"),
        ({"scope": "everything"}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"access_token_signed_response_alg": "none"}, "invalid_client_metadata"),
        ({"client_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
        ({"dpop_bound_access_tokens": "yes"}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://app.example;sandbox/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example,default-src/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["com.example.app://x;sandbox/cb"]}, "invalid_redirect_uri"),
    ],
    ids=str,
)
def test_what_cannot_be_registered_is_refused_by_name(house: House, changes: dict[str, Any], error: str) -> None:
    answer = send_registration(house, {"client_name": "Lens", "redirect_uris": [CALLBACK], **changes})
    assert (answer.status_code, answer.get_json()["error"]) == (400, error)


def test_registration_is_for_people_who_are_signed_in(house: House) -> None:
    metadata = {"client_name": "Lens", "redirect_uris": [CALLBACK]}
    assert house.visitor().post("/oauth/register", json=metadata).status_code == 401
    app, person = register(house), house.person()
    token = app.tokens(person)["access_token"]
    by_app = house.visitor().post("/oauth/register", json=metadata, headers={"Authorization": f"Bearer {token}"})
    assert by_app.status_code == 403
    malformed = send_registration(house, ["not", "an", "object"])
    assert malformed.get_json()["error"] == "malformed_json"


def test_a_house_may_let_anyone_register(own_house: House) -> None:
    settings = replace(own_house.container.settings, open_registration=True)
    open_house = House(replace(own_house.container, settings=settings))
    metadata = {"client_name": "Lens", "redirect_uris": [CALLBACK]}
    assert open_house.visitor().post("/oauth/register", json=metadata).status_code == 201


def test_a_device_needs_no_address_to_send_answers_to(house: House) -> None:
    answer = send_registration(house, {"client_name": "Tool", "grant_types": [DEVICE_CODE, "refresh_token"]})
    assert answer.status_code == 201
    assert answer.get_json()["response_types"] == []


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_the_metadata_is_true(house: House, name: str) -> None:
    answer = house.visitor().get(f"/.well-known/{name}", headers={"Origin": "https://app.example"})
    body = answer.get_json()
    issuer = house.container.settings.public_url
    assert body["issuer"] == issuer
    assert body["code_challenge_methods_supported"] == ["S256"]
    assert body["authorization_response_iss_parameter_supported"] is True
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    served = {str(rule.rule) for rule in house.app.url_map.iter_rules()}
    named = {value for key, value in body.items() if key.endswith(("_endpoint", "jwks_uri"))}
    assert {uri.removeprefix(issuer) for uri in named} <= served


def test_other_sites_may_ask_for_tokens_and_never_for_consent(house: House) -> None:
    origin = {"Origin": "https://app.example"}
    preflight = house.visitor().options("/oauth/token", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    answer = house.visitor().post("/oauth/token", data={"grant_type": "refresh_token"}, headers=origin)
    assert answer.get_json()["error"] == "invalid_client"
    assert "Access-Control-Allow-Origin" not in house.visitor().get("/oauth/authorize", headers=origin).headers
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_end(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    old = app.tokens(person)["access_token"]
    parts = own_house.container
    with parts.transaction() as session:
        kid = keys.rotate(session, provider(parts), now=parts.now())
    listed = [key["kid"] for key in own_house.visitor().get("/oauth/jwks").get_json()["keys"]]
    old_kid = jwt.get_unverified_header(old)["kid"]
    assert listed == [old_kid, kid]
    assert jwt.get_unverified_header(app.tokens(person)["access_token"])["kid"] == old_kid
    later = replace(parts, clock=lambda: parts.now() + keys.AHEAD)
    with later.transaction() as session:
        token = keys.sign(session, provider(parts), {"x": 1}, kind="JWT", now=later.now())
    assert jwt.get_unverified_header(token)["kid"] == kid
    assert app.get("/api/v1/balances", old).status_code == 200
    much_later = parts.now() + keys.AHEAD * 4
    with parts.transaction() as session:
        assert [key["kid"] for key in keys.published(session, provider(parts), now=much_later)] == [kid]


def test_no_private_part_is_published(house: House) -> None:
    for key in house.visitor().get("/oauth/jwks").get_json()["keys"]:
        assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}


def test_a_body_that_is_no_object_or_is_nested_beyond_reason_is_named(own_house: House) -> None:
    settings = replace(own_house.container.settings, open_registration=True)
    visitor = House(replace(own_house.container, settings=settings)).visitor()
    for body in (b"[]", b"{", b"[" * 60_000):
        refused = visitor.post("/oauth/register", data=body, content_type="application/json")
        assert (refused.status_code, refused.get_json()["error"]) == (400, "malformed_json")
