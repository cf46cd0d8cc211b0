"""The device flow (RFC 8628): a code on a screen, a person who decides, a device that polls."""

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.house import House, Person
from tests.oauth.ageing import age
from tests.oauth.app import DEVICE_CODE, ORIGIN, App, register
from tests.services.threads import at_once


def device(house: House) -> App:
    return register(house, grant_types=[DEVICE_CODE, "refresh_token"], token_endpoint_auth_method="none")


def begin(app: App, scope: str = "openid wallet:read") -> dict[str, Any]:
    answer = app.post("/oauth/device_authorization", scope=scope)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def poll(app: App, device_code: str) -> TestResponse:
    return app.post("/oauth/token", grant_type=DEVICE_CODE, device_code=device_code)


def press(person: Person, user_code: str, decision: str) -> TestResponse:
    client = person.house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    shown = client.get("/device", query_string={"user_code": user_code}, headers={"Accept": "text/html"})
    assert ("See your balances" in shown.text) == (shown.status_code == 200)
    return client.post("/device", data={"user_code": user_code, "decision": decision}, headers={"Origin": ORIGIN})


def test_a_device_gets_tokens_once_a_person_has_agreed(own_house: House) -> None:
    app, person = device(own_house), own_house.person()
    codes = begin(app)
    assert codes["verification_uri"] == f"{own_house.container.settings.public_url}/device"
    assert poll(app, codes["device_code"]).get_json()["error"] == "authorization_pending"
    # Typed in small letters and without the dash.
    assert press(person, codes["user_code"].lower().replace("-", ""), "allow").status_code == 200
    answer = poll(app, codes["device_code"])
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert app.get("/api/v1/balances", body["access_token"]).status_code == 200
    assert app.refresh(body["refresh_token"]).status_code == 200
    assert poll(app, codes["device_code"]).get_json()["error"] == "invalid_grant"


def test_a_device_that_polls_too_fast_is_slowed_down(own_house: House) -> None:
    app = device(own_house)
    codes = begin(app)
    assert codes["interval"] == 5
    assert poll(app, codes["device_code"]).get_json()["error"] == "authorization_pending"
    assert poll(app, codes["device_code"]).get_json()["error"] == "slow_down"
    age(own_house, "oauth_device_codes", "polled_at", timedelta(seconds=6))
    assert poll(app, codes["device_code"]).get_json()["error"] == "slow_down", "five seconds more from now on"
    age(own_house, "oauth_device_codes", "polled_at", timedelta(seconds=60))
    assert poll(app, codes["device_code"]).get_json()["error"] == "authorization_pending"


def test_a_person_may_say_no(house: House) -> None:
    app, person = device(house), house.person()
    codes = begin(app)
    assert press(person, codes["user_code"], "deny").status_code == 200
    assert poll(app, codes["device_code"]).get_json()["error"] == "access_denied"
    assert press(person, codes["user_code"], "allow").status_code == 404


def test_a_code_expires(own_house: House) -> None:
    app, person = device(own_house), own_house.person()
    codes = begin(app)
    age(own_house, "oauth_device_codes", "expires_at", timedelta(minutes=10))
    assert press(person, codes["user_code"], "allow").status_code == 404
    assert poll(app, codes["device_code"]).get_json()["error"] == "expired_token"


def test_of_fifty_devices_with_one_code_one_gets_tokens(own_house: House) -> None:
    app, person = device(own_house), own_house.person()
    codes = begin(app)
    press(person, codes["user_code"], "allow")
    answers = at_once(*[lambda: poll(app, codes["device_code"])] * 50)
    assert [answer.status_code for answer in answers].count(200) == 1


@pytest.mark.parametrize("scope", ["", "everything", "transfers:create"])
def test_a_device_asks_for_what_its_app_registered(house: House, scope: str) -> None:
    app = device(house)
    assert app.post("/oauth/device_authorization", scope=scope).get_json()["error"] == "invalid_scope"


def test_the_device_flow_is_for_apps_that_registered_for_it(house: House) -> None:
    app = register(house)
    refused = app.post("/oauth/device_authorization", scope="openid")
    assert refused.get_json()["error"] == "unauthorized_client"
    other = device(house)
    codes = begin(other)
    assert poll(device(house), codes["device_code"]).get_json()["error"] == "unauthorized_client"
    assert poll(other, "nonsense").get_json()["error"] == "invalid_grant"
