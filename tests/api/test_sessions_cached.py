"""Redis in front of the sessions: what is found there, what is never found there, and life without it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from auth import roles, sessions
from domain.ids import new_id
from tests.api.house import House, Person
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

LOOK_UP = "session_by_token"
HOUR = timedelta(hours=1)


@pytest.fixture
def cached(container: Container, own_redis: RedisServer, build: Callable[[Settings], Container]) -> House:
    """A house on a Redis of its own."""
    return House(build(replace(container.settings, redis_url=Secret(own_redis.url))))


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time that PostgreSQL is asked for a session."""
    seen: list[str] = []
    real = sessions.find

    def find(*arguments: object, **options: object) -> object:
        seen.append(LOOK_UP)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "find", find)
    return seen


def opens(person: Person) -> bool:
    status = person.get("/assets").status_code
    assert status in {200, 401}
    return status == 200


def test_a_session_is_looked_up_once_and_then_copied(cached: House, looked_up: list[str]) -> None:
    person = cached.person()
    assert [opens(person) for _ in range(5)] == [True] * 5
    assert len(looked_up) == 1


def test_an_ended_session_is_not_found_in_the_copy(cached: House) -> None:
    person = cached.person()
    assert opens(person)
    with cached.container.transaction() as session:
        sessions.end(session, person.user_id, now=cached.container.now())
    assert not opens(person)


def test_a_role_counts_at_once_in_both_directions(cached: House) -> None:
    person = cached.person()
    for grant, status in ((True, 200), (False, 403)):
        assert person.get("/state").status_code != status
        with cached.container.transaction() as session:
            if grant:
                roles.grant(session, person.user_id, "viewer", by="test", now=cached.container.now())
            else:
                roles.revoke(session, person.user_id, "viewer")
        assert person.get("/state").status_code == status


def test_a_row_read_before_the_end_is_not_copied_after_it(cached: House) -> None:
    person, parts = cached.person(), cached.container
    token_hash = sessions.digest(person.token)
    with parts.reading() as session:
        stale = sessions.find(session, person.token, now=parts.now())
    assert stale is not None
    with parts.transaction() as session:
        sessions.revoke(session, person.token, now=parts.now())
    parts.session_cache.put(token_hash, stale, now=parts.now())
    assert parts.session_cache.get(token_hash, now=parts.now()) is None
    assert not opens(person)


def test_a_change_that_was_rolled_back_changes_no_copy(cached: House, looked_up: list[str]) -> None:
    person = cached.person()
    assert opens(person)

    def revoke_and_fail() -> None:
        with cached.container.transaction() as session:
            sessions.revoke(session, person.token, now=cached.container.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        revoke_and_fail()
    assert opens(person)
    assert len(looked_up) == 1


def test_an_emptied_redis_signs_nobody_out(cached: House, own_redis: RedisServer) -> None:
    person = cached.person()
    assert opens(person)
    with Redis.from_url(own_redis.url) as client:
        client.flushall()
    assert opens(person)


def test_without_redis_sessions_open_and_end_as_ever(cached: House, own_redis: RedisServer) -> None:
    person, other = cached.person(), cached.person()
    assert opens(person)
    own_redis.stop()
    assert opens(person)
    assert opens(other)
    with cached.container.transaction() as session:
        sessions.end(session, person.user_id, now=cached.container.now())
    assert not opens(person)
    assert opens(other)


def test_balances_are_read_past_the_copy_with_the_session_in_one_statement(
    cached: House, looked_up: list[str], own_redis: RedisServer
) -> None:
    person = cached.person(funds_minor=150_000_000)
    stale = sessions.Principal(person.user_id, person.public_key, frozenset(), new_id(), cached.container.now() + HOUR)
    assert person.balance()["available"] == "1.50000000"
    with cached.container.transaction() as session:
        sessions.end(session, person.user_id, now=cached.container.now())
    with Redis.from_url(own_redis.url) as client:
        client.flushall()
    cached.container.session_cache.put(sessions.digest(person.token), stale, now=cached.container.now())
    assert opens(person), "the copy is there"
    assert person.get("/balances").status_code == 401
    assert looked_up == []
