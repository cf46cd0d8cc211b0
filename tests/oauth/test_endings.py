"""How tokens end: revoked by the app, by the user, with the app; and what introspection says of them."""

from datetime import timedelta

import pytest

from tests.api.house import House, Person
from tests.oauth.ageing import age
from tests.oauth.app import ORIGIN, App, ask, register


def is_welcome(app: App, token: str) -> bool:
    return app.get("/api/v1/balances", token).status_code == 200


def press(person: Person, path: str, **form: str) -> int:
    client = person.house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    return client.post(path, data=form, headers={"Accept": "text/html", "Origin": ORIGIN}).status_code


def test_a_revoked_access_token_fails_at_once_and_alone(house: House) -> None:
    app, person = register(house), house.person()
    body = app.tokens(person)
    assert app.post("/oauth/revoke", token=body["access_token"], token_type_hint="access_token").status_code == 200
    assert not is_welcome(app, body["access_token"])
    assert app.refresh(body["refresh_token"]).status_code == 200


def test_a_revoked_refresh_token_takes_its_family_along(house: House) -> None:
    app, person = register(house), house.person()
    body = app.tokens(person)
    # A wrong hint only slows the search (RFC 7009 2.1).
    assert app.post("/oauth/revoke", token=body["refresh_token"], token_type_hint="access_token").status_code == 200
    assert not is_welcome(app, body["access_token"])
    assert app.refresh(body["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_revoking_what_is_not_there_or_not_ones_own_does_nothing(house: House) -> None:
    app, other, person = register(house), register(house), house.person()
    body = app.tokens(person)
    assert app.post("/oauth/revoke", token="nonsense").status_code == 200
    assert other.post("/oauth/revoke", token=body["access_token"]).status_code == 200
    assert is_welcome(app, body["access_token"])
    assert app.post("/oauth/revoke").get_json()["error"] == "invalid_request"
    unsupported = app.post("/oauth/revoke", token="x", token_type_hint="cookie")
    assert unsupported.get_json()["error"] == "unsupported_token_type"
    assert App(house, app.client_id, "wrong").post("/oauth/revoke", token=body["access_token"]).status_code == 401


def test_introspection_tells_an_app_of_its_own_tokens_only(house: House) -> None:
    app, other, person = register(house), register(house), house.person()
    body = app.tokens(person)
    told = app.introspect(body["access_token"])
    assert told["active"] is True
    assert (told["sub"], told["client_id"], told["scope"]) == (str(person.user_id), app.client_id, body["scope"])
    assert app.introspect(body["refresh_token"])["active"] is True
    assert other.introspect(body["access_token"]) == {"active": False}
    assert app.introspect("nonsense") == {"active": False}
    app.post("/oauth/revoke", token=body["refresh_token"])
    assert app.introspect(body["access_token"]) == {"active": False}
    assert app.introspect(body["refresh_token"]) == {"active": False}


def test_who_cannot_prove_itself_may_not_introspect(house: House) -> None:
    app, person = register(house, token_endpoint_auth_method="none"), house.person()
    token = app.tokens(person)["access_token"]
    assert app.post("/oauth/introspect", token=token).status_code == 401


def test_the_user_ends_an_app_and_it_fails_at_once(own_house: House) -> None:
    app, person, stranger = register(own_house), own_house.person(), own_house.person()
    body = app.tokens(person)
    assert is_welcome(app, body["access_token"])
    client = own_house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    page = client.get("/apps").text
    assert "Ledger Lens" in page
    assert "last did something" in page
    grant_id = page.split('action="/apps/')[1].split("/")[0]
    assert press(stranger, f"/apps/{grant_id}/revoke") == 404
    assert is_welcome(app, body["access_token"])
    assert press(person, f"/apps/{grant_id}/revoke") == 303
    assert not is_welcome(app, body["access_token"])
    assert app.refresh(body["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert app.introspect(body["access_token"]) == {"active": False}
    # The agreement is gone with it: the app has to ask again.
    assert ask(person, app.query()).status_code == 200


def test_an_app_that_its_developer_removes_ends_everywhere(own_house: House) -> None:
    developer, person = own_house.person(), own_house.person()
    app = register(own_house, developer)
    token = app.tokens(person)["access_token"]
    assert press(person, f"/developer/{app.client_id}/remove") == 404
    assert press(developer, f"/developer/{app.client_id}/remove") == 303
    assert not is_welcome(app, token)
    assert app.redeem("anything").status_code == 401


def test_an_access_token_lasts_an_hour(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    token = app.tokens(person)["access_token"]
    age(own_house, "oauth_access_tokens", "expires_at", timedelta(hours=1))
    assert not is_welcome(app, token)
    assert app.introspect(token) == {"active": False}


def test_a_secret_that_was_replaced_is_worth_nothing(own_house: House) -> None:
    developer, person = own_house.person(), own_house.person()
    app = register(own_house, developer)
    client = own_house.visitor(use_cookies=True)
    client.set_cookie("session", developer.token)
    page = client.post(f"/developer/{app.client_id}/secret", headers={"Origin": ORIGIN}).text
    fresh = page.split("shown this once:")[1].split('<code class="whole">')[1].split("<")[0]
    code = app.code(person)
    assert app.redeem(code).status_code == 401
    app.secret = fresh
    assert app.redeem(code).status_code == 200


@pytest.mark.parametrize(
    ("resource", "api", "userinfo"), [("/api/v1", 200, 401), ("/oauth/userinfo", 401, 200), (None, 200, 200)]
)
def test_a_token_opens_only_the_resource_that_it_is_for(
    house: House, resource: str | None, api: int, userinfo: int
) -> None:
    app, person = register(house), house.person()
    issuer = house.container.settings.public_url
    token = app.tokens(person, resource=f"{issuer}{resource}" if resource else None)["access_token"]
    assert app.get("/api/v1/balances", token).status_code == api
    assert app.get("/oauth/userinfo", token).status_code == userinfo


def test_userinfo_tells_what_the_scopes_allow(house: House) -> None:
    app, person = register(house), house.person()
    full = app.get("/oauth/userinfo", app.tokens(person)["access_token"]).get_json()
    assert full == {"sub": str(person.user_id), "public_key": person.public_key}
    bare = app.get("/oauth/userinfo", app.tokens(person, scope="openid")["access_token"]).get_json()
    assert bare == {"sub": str(person.user_id)}
    assert app.get("/oauth/userinfo", app.tokens(person, scope="wallet:read")["access_token"]).status_code == 403
