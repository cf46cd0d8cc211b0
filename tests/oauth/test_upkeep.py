"""What is dropped when it ended long ago, what is kept, and how often one may ask."""

import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from auth.oauth import forgetting, refresh_secrets
from auth.oauth.provider import Provider
from domain.ids import new_id
from models import dropping
from models.oauth import OAuthAccessToken
from tests.api.house import House
from tests.oauth.ageing import age, audited
from tests.oauth.app import App, register
from tests.oauth.test_refresh import is_welcome

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


def long_lived(house: House, app: App) -> tuple[list[str], dict[str, str]]:
    """The refresh tokens that a family spent long ago, oldest first, and what it lives by."""
    spent, living = [], app.tokens(house.person())
    for _ in range(4):
        spent.append(living["refresh_token"])
        living = app.refresh(spent[-1]).get_json()
    age(house, "oauth_refresh_tokens", "redeemed_at", timedelta(days=2))
    return spent, living


def kept_tokens(house: House) -> int:
    return counts(house)[TABLES.index("oauth_refresh_tokens")]


def test_a_family_keeps_its_living_token_alone_and_knows_every_one_that_it_spent(own_house: House) -> None:
    app = register(own_house)
    for shown in (0, 3):
        spent, living = long_lived(own_house, app)
        forget(own_house)
        assert kept_tokens(own_house) == 1
        # By nobody else, and not by a text that only looks like it.
        assert register(own_house).refresh(spent[shown]).get_json()["error"] == "invalid_grant"
        assert App(own_house, app.client_id, "wrong").refresh(spent[shown]).status_code == 401
        forged = spent[shown][:-6] + ("A" if spent[shown][-6] != "A" else "B") + spent[shown][-5:]
        assert app.refresh(forged).get_json()["error"] == "invalid_grant"
        living = app.refresh(living["refresh_token"]).get_json()
        assert is_welcome(app, living["access_token"])
        assert app.introspect(spent[shown]) == {"active": False}
        # It was stolen from the app or by it: nobody can tell, so it ends.
        assert app.refresh(spent[shown]).get_json()["error"] == "invalid_grant"
        assert not is_welcome(app, living["access_token"])
        assert app.refresh(living["refresh_token"]).get_json()["error"] == "invalid_grant"
        age(own_house, "oauth_refresh_tokens", "expires_at", timedelta(days=40))
        forget(own_house)
        assert kept_tokens(own_house) == 0
        # Of a family that is gone there is nothing to end.
        assert app.refresh(spent[shown]).get_json()["error"] == "invalid_grant"
    assert audited(own_house, "oauth.replay") == 2


def test_an_app_ends_its_family_with_any_token_of_it(own_house: House) -> None:
    app = register(own_house)
    spent, living = long_lived(own_house, app)
    forget(own_house)
    assert app.post("/oauth/revoke", token=spent[0]).status_code == 200
    assert not is_welcome(app, living["access_token"])


def test_a_spent_token_that_does_not_tell_its_family_is_kept_as_long_as_that(own_house: House) -> None:
    """Such were given out before there were others, and by processes that were not upgraded yet."""
    app = register(own_house)
    spent, living = long_lived(own_house, app)
    with own_house.container.transaction() as session:
        session.execute(text("UPDATE oauth_refresh_tokens SET tells_family = false"))
    forget(own_house)
    assert kept_tokens(own_house) == 5
    assert app.refresh(spent[0]).get_json()["error"] == "invalid_grant"
    assert not is_welcome(app, living["access_token"])


def test_what_is_too_much_for_once_is_dropped_in_turns(own_house: House) -> None:
    app = register(own_house)
    long_lived(own_house, app)

    def drop() -> int:
        with own_house.container.transaction() as session:
            return forgetting.forget_ended(session, now=own_house.container.now(), at_once=3)

    assert [drop() for _ in range(3)] == [3, 1, 0]


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 85), by=st.integers(1, 63))
def test_a_refresh_token_tells_its_family_to_its_house_alone(place: int, by: int) -> None:
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    house, family = Provider("https://one.example", "first"), new_id()
    token = refresh_secrets.new(house, family)
    assert refresh_secrets.family_of(house, token) == family
    assert refresh_secrets.family_of(Provider("https://one.example", "second"), token) is None
    altered = alphabet[(alphabet.index(token[place]) + by) % len(alphabet)]
    read = refresh_secrets.family_of(house, token[:place] + altered + token[place + 1 :])
    # The last letter has four bits that stand for nothing.
    assert read is None or (place == len(token) - 1 and read == family)
    assert refresh_secrets.family_of(house, token[place:]) == (family if place == 0 else None)


def test_an_app_that_asks_too_often_must_wait(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    token = app.tokens(person)["access_token"]
    strict = House(replace(own_house.container, settings=replace(own_house.container.settings, read_limit=2)))
    app.house = strict
    answers = [app.post("/oauth/introspect", token=token) for _ in range(3)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_families_that_lost_nothing_are_not_looked_through(own_house: House) -> None:
    app = register(own_house)
    app.tokens(own_house.person())
    asked: list[str] = []
    with own_house.container.transaction() as session:
        bind = session.connection()
        event.listen(bind, "before_cursor_execute", lambda _c, _k, said, *_: asked.append(said))
        assert forgetting.forget_ended(session, now=own_house.container.now()) == 0
    assert len(asked) > 5
    assert [said for said in asked if "FROM oauth_families" in said] == []


def test_rows_to_drop_are_found_once_however_few_the_server_expects(session: Session) -> None:
    kind = OAuthAccessToken
    statement = dropping._drop(kind, [kind.expires_at < datetime(2020, 1, 1, tzinfo=UTC)], 5)
    compiled = statement.compile(dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True})
    plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}")))
    assert "InitPlan" in plan
    assert "Tid Scan" in plan
