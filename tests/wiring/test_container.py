"""A transaction commits before anybody is woken, and readers never hold one open."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from services import outbox
from wiring import database
from wiring.container import Container, build_container
from wiring.database import make_engine
from wiring.parsing import SettingsRefused
from wiring.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Witness:
    """Notes what it was told, and what another connection could see at that moment."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self.woken: list[tuple[list[str], int]] = []

    def wake(self, names: Iterable[str]) -> None:
        with self._container.reading() as session:
            visible = session.scalar(text("SELECT count(*) FROM outbox")) or 0
        self.woken.append((sorted(names), visible))


def promise_and_fail(container: Container) -> None:
    with container.transaction() as session:
        outbox.promise(session, "deposits.credit", now=NOW)
        raise LookupError


def test_workers_are_woken_after_the_commit_once_for_each_task(container: Container) -> None:
    witness = Witness(container)
    with replace(container, publisher=witness).transaction() as session:
        outbox.promise(session, "deposits.credit", now=NOW)
        outbox.promise(session, "deposits.credit", now=NOW)
        outbox.promise(session, "ledger.seal", now=NOW)
        assert witness.woken == []
    assert witness.woken == [(["deposits.credit", "ledger.seal"], 3)]


def test_nobody_is_woken_for_what_was_rolled_back(container: Container) -> None:
    witness = Witness(container)
    with pytest.raises(LookupError):
        promise_and_fail(replace(container, publisher=witness))
    assert witness.woken == []
    with container.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_a_reader_sees_what_was_committed_between_two_statements(container: Container) -> None:
    count = text("SELECT count(*) FROM outbox")
    with container.reading() as reader:
        assert reader.scalar(count) == 0
        with container.transaction() as session:
            outbox.promise(session, "deposits.credit", now=NOW)
        assert reader.scalar(count) == 1
        state = "SELECT state FROM pg_stat_activity WHERE pid = :pid"
        pid = reader.scalar(text("SELECT pg_backend_pid()"))
        with container.reading() as other:
            assert other.scalar(text(state), {"pid": pid}) == "idle"


def test_a_connection_that_was_reading_writes_in_a_transaction_again(container: Container) -> None:
    for _ in range(3):
        with container.reading() as session:
            session.execute(text("SELECT 1"))
        with pytest.raises(LookupError):
            promise_and_fail(container)
    with container.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_no_statement_runs_for_ever(settings: Settings) -> None:
    assert settings.database_url is not None
    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_s=0.1, lock_timeout_s=0.1)
    with engine.connect() as connection, pytest.raises(Exception, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep(30)"))
    engine.dispose()


def test_a_connection_that_broke_while_it_idled_is_replaced_unnoticed(
    container: Container, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "UNASKED_S_MAX", 0.0)
    with container.reading() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    assert settings.database_url is not None
    # A role may end its own connections.
    killer = make_engine(settings.database_url, pool_size=1, statement_timeout_s=5, lock_timeout_s=5)
    with killer.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    killer.dispose()
    with container.transaction() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid


def test_the_password_is_in_no_representation(container: Container, settings: Settings) -> None:
    assert settings.database_url is not None
    password = settings.database_url.reveal().split(":")[2].split("@")[0]
    assert password not in repr(container)
    assert password not in repr(container.engine.url)


def test_without_an_address_there_is_no_container(settings: Settings) -> None:
    with pytest.raises(SettingsRefused, match="DATABASE_URL"):
        build_container(replace(settings, database_url=None))
