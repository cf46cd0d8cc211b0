"""What is dropped when it ended long ago, what is kept, and how often one may ask."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from auth.oauth import forgetting
from tests.api.house import House
from tests.oauth.ageing import age
from tests.oauth.app import register

TABLES = ("oauth_codes", "oauth_device_codes", "oauth_access_tokens", "oauth_refresh_tokens", "oauth_families")


def counts(house: House) -> list[int]:
    with house.container.reading() as session:
        return [session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES]


def forget(house: House) -> None:
    with house.container.transaction() as session:
        forgetting.forget_ended(session, now=house.container.now())


def test_what_ended_long_ago_is_dropped_and_what_lives_is_kept(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    first = app.tokens(person)["refresh_token"]
    app.code(person)
    second = app.refresh(first).get_json()["refresh_token"]
    before = counts(own_house)
    forget(own_house)
    assert counts(own_house) == before
    for table in TABLES[:3]:
        age(own_house, table, "expires_at", timedelta(days=3))
    forget(own_house)
    # A redeemed code and a spent refresh token stay, to be told from a stranger's when they come back.
    assert counts(own_house)[:4] == [1, 0, 0, 2]
    age(own_house, "oauth_refresh_tokens", "redeemed_at", timedelta(minutes=1))
    assert app.refresh(first).get_json()["error"] == "invalid_grant"
    assert app.refresh(second).get_json()["error"] == "invalid_grant"
    age(own_house, "oauth_refresh_tokens", "expires_at", timedelta(days=40))
    age(own_house, "oauth_families", "created_at", timedelta(days=40))
    living = app.tokens(person)["refresh_token"]
    forget(own_house)
    # Nothing is left of it, and what lives goes on.
    assert counts(own_house) == [1, 0, 1, 1, 1]
    assert app.refresh(living).status_code == 200


def test_an_app_that_asks_too_often_is_told_to_wait(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    token = app.tokens(person)["access_token"]
    strict = House(replace(own_house.container, settings=replace(own_house.container.settings, read_limit=2)))
    app.house = strict
    answers = [app.post("/oauth/introspect", token=token) for _ in range(3)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
