"""The minute's check looks at what moved, the day's at everything, and neither passes over anything."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from domain.ledger import Transfer
from services import alerts, checking
from services.checking import recent, rounds
from services.invariants import Finding
from services.ledger import post
from services.ledger.following import Span, next_span
from tests.databases import Database
from tests.ledger.conftest import START, Books, transaction

Alter = Callable[[str], None]
OLD = "UPDATE ledger_accounts SET posted = posted {} 7 WHERE id = 1"


@pytest.fixture
def alter(raw: Callable[..., Any], own_database: Database) -> Alter:
    """Do something as a superuser, with every trigger and foreign key switched off."""

    def run(alteration: str) -> None:
        with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(alteration)
            connection.commit()

    return run


@pytest.fixture
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """What moved last is one transfer, as if there had been thousands since, and a slice is two rows."""
    monkeypatch.setattr(recent, "NEWEST", 1)
    monkeypatch.setattr(rounds, "SLICE", 2)


def minute(books: Books, *, at: timedelta = timedelta(0)) -> list[Finding]:
    with Session(books.engine) as session, session.begin():
        _, findings = checking.check_posted(session, now=START + at)
        findings += checking.check_newest(session)
        checking.report(session, findings, now=START + at)
    return findings


def day(books: Books, *, at: timedelta = timedelta(0)) -> list[Finding] | None:
    """A whole round, each slice in a transaction of its own; None when none was due."""
    found: list[Finding] = []
    turn = None
    while turn is None or not turn.is_last:
        with Session(books.engine) as session, session.begin():
            turn = checking.check_next_slice(session, now=START + at)
        if turn is None:
            return None
        found += turn.findings
    return found


def stands(books: Books) -> bool:
    with Session(books.engine) as session, session.begin():
        return alerts.stands(session, checking.BROKEN, scope=checking.SCOPE)


def spans(books: Books) -> Span | None:
    with Session(books.engine) as session, session.begin():
        return next_span(session, "test", now=START)


@pytest.mark.usefixtures("short_sight")
def test_what_was_altered_long_after_it_moved_is_found_by_the_day_and_ended_by_it_alone(
    books: Books, alter: Alter
) -> None:
    old, hot = books.user(funds=100), books.hot()
    books.post([transaction(Transfer(hot, books.user(), 1)) for _ in range(3)])
    books.seal()
    assert minute(books) == []
    alter(OLD.format("+"))
    assert minute(books) == []
    found = day(books)
    assert found is not None
    assert any(f"account {old}:" in finding.subject for finding in found)
    assert stands(books)
    alter(OLD.format("-"))
    minute(books)
    assert stands(books), "the minute's check says nothing of what it did not look at"
    assert day(books, at=rounds.WHILE_BROKEN - timedelta(seconds=1)) is None
    assert day(books, at=rounds.WHILE_BROKEN) == []
    assert not stands(books)
    assert day(books, at=rounds.WHILE_BROKEN + rounds.EVERY - timedelta(seconds=1)) is None
    assert day(books, at=rounds.WHILE_BROKEN + rounds.EVERY) == []


@pytest.mark.usefixtures("short_sight")
def test_money_that_was_written_into_an_old_account_is_found_when_it_moves(books: Books, alter: Alter) -> None:
    thief, hot = books.user(funds=1), books.hot()
    books.one(Transfer(hot, books.user(), 1))
    books.seal()
    assert minute(books) == []
    alter(f"UPDATE ledger_accounts SET posted = posted + 500 WHERE id = {thief}")
    books.one(Transfer(thief, hot, 400))
    assert recent.WRITTEN in {finding.invariant for finding in minute(books)}


@pytest.mark.usefixtures("short_sight")
def test_what_breaks_behind_a_round_outlives_its_good_end(books: Books) -> None:
    books.user(funds=1)
    broken = [Finding("something", "this")]
    with Session(books.engine) as session, session.begin():
        assert checking.check_next_slice(session, now=START) is not None
    with Session(books.engine) as session, session.begin():
        checking.report(session, broken, now=START + timedelta(seconds=1))
    assert day(books, at=timedelta(seconds=2)) == []
    assert stands(books)
    assert day(books, at=timedelta(seconds=3) + rounds.WHILE_BROKEN) == []
    assert not stands(books)


@pytest.mark.usefixtures("short_sight")
def test_what_breaks_behind_a_round_outlives_its_good_end_although_the_alert_stood_before(books: Books) -> None:
    books.user(funds=1)
    for at in (timedelta(0), timedelta(seconds=2)):
        with Session(books.engine) as session, session.begin():
            checking.report(session, [Finding("something", "this")], now=START + at)
        if not at:
            with Session(books.engine) as session, session.begin():
                assert checking.check_next_slice(session, now=START + timedelta(seconds=1)) is not None
    assert day(books, at=timedelta(seconds=3)) == []
    assert stands(books)
    assert day(books, at=timedelta(seconds=3) + rounds.WHILE_BROKEN) == []
    assert not stands(books)


@pytest.mark.usefixtures("short_sight")
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_round_goes_on_where_it_stood_unless_somebody_begins_anew(books: Books, *, by_hand: bool) -> None:
    books.user(funds=1)
    rows, turns = 0, 0
    while turns < 20:
        with Session(books.engine) as session, session.begin():
            if by_hand and turns == 3:
                checking.begin(session, now=START)
            turn = checking.check_next_slice(session, now=START)
        assert turn is not None
        turns, rows = turns + 1, rows + turn.rows
        if turn.is_last:
            break
    # Two accounts are one slice of two, one transaction and one transfer one each; then each part ends once.
    assert (turns, rows) == ((15, 5) if by_hand else (12, 4))


def test_a_transfer_that_commits_late_is_not_passed_over(books: Books) -> None:
    """The one mistake a place at max(id) makes: a row numbered early, committed late, never looked at."""
    payers = [books.user(funds=10) for _ in range(2)]
    payee, other = books.user(), books.user()
    books.seal()
    with Session(books.engine) as slow:
        slow.begin()
        [late] = post(slow, [transaction(Transfer(payers[0], payee, 3))])
        [soon] = books.one(Transfer(payers[1], other, 1)).transfer_ids
        assert soon > late.transfer_ids[0]
        seen = spans(books)
        assert seen is not None
        assert seen.last == soon
        slow.commit()
    again = spans(books)
    assert again is not None
    assert again.first <= late.transfer_ids[0] <= again.last
    books.seal()
    assert spans(books) is not None
    assert spans(books) is None
