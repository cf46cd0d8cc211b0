"""The fixtures that every other test stands on keep their promises."""

import psycopg2
import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests.databases import Database
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret


def test_a_session_sees_the_migrated_tables_as_the_application_role(session: Session) -> None:
    assert session.scalar(text("SELECT current_user")) == "strongroom_app"
    assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_the_application_role_owns_nothing_and_makes_nothing(session: Session) -> None:
    with pytest.raises(Exception, match="permission denied for schema public"):
        session.execute(text("CREATE TABLE mine (id int)"))


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_a_session_commits_is_gone_in_the_next_test(session: Session, attempt: int) -> None:
    statement = "INSERT INTO outbox (task, arguments, created_at) VALUES ('t', '{}', now())"
    session.execute(text(statement))
    session.commit()
    assert session.scalar(text("SELECT count(*) FROM outbox")) == 1


def test_two_connections_of_one_test_see_each_other_commit(own_engine: Engine) -> None:
    with own_engine.begin() as first:
        first.execute(text("INSERT INTO outbox (task, arguments, created_at) VALUES ('t', '{}', now())"))
    with own_engine.connect() as second:
        assert second.scalar(text("SELECT count(*) FROM outbox")) == 1


def test_another_database_of_the_same_server_is_closed_to_strangers(
    own_database: Database, container: Container
) -> None:
    with container.reading() as session:
        assert session.scalar(text("SELECT current_database()")) == own_database.name


def test_a_redis_of_ones_own_may_be_stopped(own_redis: RedisServer, redis_url: Secret) -> None:
    redis.Redis.from_url(own_redis.url).set("key", "value")
    own_redis.stop()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(own_redis.url).ping()
    assert redis.Redis.from_url(redis_url.reveal()).ping()


def test_an_unreachable_postgresql_is_refused_in_seconds() -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)
