"""Holds: reserved, then posted in full or in part, voided or expired, once."""

import pytest
from sqlalchemy.orm import Session

from domain.ledger import Hold, Post, Transfer, Void
from services.ledger import holds
from tests.ledger.conftest import Books, later, transaction


def test_a_hold_reserves_and_moves_nothing(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    books.one(Hold(user, hot, 60))
    assert (books.balance(user), books.balance(hot)) == ((100, 60), (100, 0))
    assert books.one(Transfer(user, hot, 41)).refused == "insufficient_funds"
    assert books.one(Hold(user, hot, 41)).refused == "insufficient_funds"
    assert books.one(Hold(user, hot, 40)).refused is None


@pytest.mark.parametrize(("part", "left"), [(None, 40), (60, 40), (25, 75), (1, 99)])
def test_a_hold_is_posted_in_full_or_in_part_and_the_rest_is_free(books: Books, part: int | None, left: int) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 60)).transfer_ids[0]
    assert books.one(Post(hold, part)).refused is None
    assert (books.balance(user), books.balance(hot)) == ((left, 0), (left, 0))


def test_a_hold_is_resolved_once(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    posted = books.one(Hold(user, hot, 10)).transfer_ids[0]
    voided = books.one(Hold(user, hot, 10)).transfer_ids[0]
    books.one(Post(posted))
    books.one(Void(voided))
    for leg in (Post(posted), Void(posted), Post(voided), Void(voided)):
        assert books.one(leg).refused == "hold_already_resolved"
    twice = books.one(Hold(user, hot, 10)).transfer_ids[0]
    outcomes = books.post([transaction(Post(twice)), transaction(Void(twice))])
    assert [outcome.refused for outcome in outcomes] == [None, "hold_already_resolved"]
    assert books.balance(user) == (80, 0)


def test_a_refused_resolution_leaves_the_hold_open(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 10)).transfer_ids[0]
    refused, posted = books.post([transaction(Post(hold), Transfer(user, hot, 91)), transaction(Post(hold))])
    assert (refused.refused, posted.refused) == ("insufficient_funds", None)
    assert books.balance(user) == (90, 0)


def test_more_than_was_held_is_not_posted(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 10)).transfer_ids[0]
    assert books.one(Post(hold, 11)).refused == "hold_exceeded"
    assert books.balance(user) == (100, 10)


def test_a_hold_between_house_accounts_would_reserve_nothing(books: Books) -> None:
    assert books.one(Hold(books.hot(), books.hot(code="owner_equity"), 1)).refused == "nothing_reserved"


def test_a_transfer_is_not_a_hold(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    moved = books.one(Transfer(user, hot, 10)).transfer_ids[0]
    assert books.one(Void(moved)).refused == "hold_missing"


def test_an_expired_hold_is_voided_by_the_task_and_not_posted(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    short = books.one(Hold(user, hot, 10, expires_at=later(60))).transfer_ids[0]
    books.one(Hold(user, hot, 10, expires_at=later(120)))
    books.one(Hold(user, hot, 10))
    assert books.one(Post(short), at=later(60)).refused == "hold_expired"
    for moment, expected in ((59, 30), (60, 20), (60, 20), (500, 10)):
        with Session(books.engine) as session, session.begin():
            holds.expire(session, now=later(moment))
        assert books.balance(user) == (100, expected)
    assert books.one(Void(short)).refused == "hold_already_resolved"
