"""Refresh tokens: each is good once, a lost answer is forgiven once, and a replay ends the family."""

from dataclasses import replace
from datetime import timedelta

from tests.api.house import House
from tests.oauth.ageing import age, audited, still
from tests.oauth.app import App, register
from tests.services.threads import at_once


def is_welcome(app: App, token: str) -> bool:
    return app.get("/api/v1/balances", token).status_code == 200


def test_a_refresh_token_is_exchanged_for_the_next(house: House) -> None:
    app, person = register(house), house.person()
    first = app.tokens(person)
    answer = app.refresh(first["refresh_token"])
    assert answer.status_code == 200, answer.text
    second = answer.get_json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]
    assert is_welcome(app, second["access_token"])
    assert app.refresh(second["refresh_token"]).status_code == 200


def test_of_fifty_redemptions_of_a_refresh_token_at_once_one_succeeds(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    token = app.tokens(person)["refresh_token"]
    at_this_moment = replace(app, house=still(own_house))
    answers = at_once(*[lambda: at_this_moment.refresh(token)] * 50)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers if answer not in won} == {503}
    # Who lost the race has stolen nothing.
    assert app.refresh(won[0].get_json()["refresh_token"]).status_code == 200


def with_lost_answer(house: House, app: App) -> tuple[str, str]:
    """The refresh token in an answer that is said to be lost, and the one in the answer given instead."""
    first = app.tokens(house.person())["refresh_token"]
    lost = app.refresh(first).get_json()["refresh_token"]
    age(house, "oauth_refresh_tokens", "redeemed_at", timedelta(seconds=4))
    again = app.refresh(first)
    assert again.status_code == 200
    return lost, again.get_json()["refresh_token"]


def test_a_lost_answer_is_given_again_once_and_within_seconds(own_house: House) -> None:
    app = register(own_house)
    _, again = with_lost_answer(own_house, app)
    assert app.refresh(again).status_code == 200


def test_an_answer_that_was_not_lost_at_all_ends_the_family(own_house: House) -> None:
    # Somebody else has the token before it, and said so to be given the next and be rid of the app.
    app = register(own_house)
    kept, stolen = with_lost_answer(own_house, app)
    later = app.refresh(stolen).get_json()
    assert register(own_house).refresh(kept).get_json()["error"] == "invalid_grant"
    assert is_welcome(app, later["access_token"])
    assert app.refresh(kept).get_json()["error"] == "invalid_grant"
    assert audited(own_house, "oauth.replay") == 1
    assert not is_welcome(app, later["access_token"])
    assert app.refresh(later["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_an_app_can_end_what_somebody_has_the_next_token_of(own_house: House) -> None:
    app = register(own_house)
    kept, stolen = with_lost_answer(own_house, app)
    assert app.post("/oauth/revoke", token=kept).status_code == 200
    assert app.refresh(stolen).get_json()["error"] == "invalid_grant"


def test_asking_a_second_time_for_a_lost_answer_ends_the_family(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    first = app.tokens(person)["refresh_token"]
    app.refresh(first)
    age(own_house, "oauth_refresh_tokens", "redeemed_at", timedelta(seconds=4))
    body = app.refresh(first).get_json()
    assert app.refresh(first).get_json()["error"] == "invalid_grant"
    assert not is_welcome(app, body["access_token"])


def test_the_grace_is_for_the_immediate_predecessor_alone(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    first = app.tokens(person)["refresh_token"]
    second = app.refresh(first).get_json()["refresh_token"]
    third = app.refresh(second).get_json()
    age(own_house, "oauth_refresh_tokens", "redeemed_at", timedelta(seconds=4))
    assert app.refresh(first).get_json()["error"] == "invalid_grant"
    assert app.refresh(third["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert not is_welcome(app, third["access_token"])


def test_a_replayed_token_ends_the_whole_family_and_no_other(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    first, other = app.tokens(person), app.tokens(person)
    second = app.refresh(first["refresh_token"]).get_json()
    age(own_house, "oauth_refresh_tokens", "redeemed_at", timedelta(seconds=11))
    assert app.refresh(first["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert audited(own_house, "oauth.replay") == 1
    assert app.refresh(second["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert not is_welcome(app, second["access_token"])
    assert is_welcome(app, other["access_token"])


def test_only_its_own_app_can_replay_a_token(own_house: House) -> None:
    app, other, person = register(own_house), register(own_house), own_house.person()
    first = app.tokens(person)["refresh_token"]
    second = app.refresh(first).get_json()
    age(own_house, "oauth_refresh_tokens", "redeemed_at", timedelta(seconds=11))
    assert other.refresh(first).get_json()["error"] == "invalid_grant"
    assert App(own_house, app.client_id, "wrong").refresh(first).status_code == 401
    assert is_welcome(app, second["access_token"])


def test_a_refresh_may_ask_for_less_and_never_for_more(house: House) -> None:
    app, person = register(house), house.person()
    token = app.tokens(person, scope="openid wallet:read")["refresh_token"]
    assert app.refresh(token, scope="openid deposits:create").get_json()["error"] == "invalid_scope"
    assert app.refresh(token, resource="https://elsewhere.example").get_json()["error"] == "invalid_target"
    less = app.refresh(token, scope="openid").get_json()
    assert less["scope"] == "openid"
    refused = app.get("/api/v1/balances", less["access_token"])
    assert (refused.status_code, refused.get_json()["error"]) == (403, "insufficient_scope")


def test_a_refresh_token_lasts_thirty_days(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    token = app.tokens(person)["refresh_token"]
    age(own_house, "oauth_refresh_tokens", "expires_at", timedelta(days=30))
    assert app.refresh(token).get_json()["error"] == "invalid_grant"


def test_an_app_that_did_not_ask_for_refresh_tokens_gets_none(house: House) -> None:
    app, person = register(house, grant_types=["authorization_code"]), house.person()
    assert "refresh_token" not in app.tokens(person)
    assert app.refresh("anything").get_json()["error"] == "unauthorized_client"
