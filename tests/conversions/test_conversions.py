"""Conversions: carried out once in one transaction of the ledger, or given back whole, with the reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.conversions import FAILURES, Charges
from domain.errors import InvariantBroken
from domain.ledger import InsufficientFunds, Transaction, Void
from domain.prices import PriceRule, PriceStale, parse_price
from domain.wallet_facts import Holding
from models.flow import Flow
from services import assets, buffers, conversions, evidence, flows, invariants, ledger, prices
from services.conversions import (
    ConversionOutOfRange,
    ConversionPairMissing,
    ConversionPairPaused,
    ConversionUnavailable,
    EquityShort,
    InvalidConversionPair,
    QuoteExpired,
    QuoteNotFound,
    QuoteUsed,
)
from services.leases import LeaseLost
from services.ledger.verify import verify
from tests.conftest import engine_for
from tests.conversions.desk import BOUGHT, BOUGHT_PRICE, BY, COIN, ETHER, LEASE_IS_OVER, SOLD, SOLD_PRICE, TERMS, Desk
from tests.databases import Database
from tests.services.threads import at_once
from wiring.container import Container


def test_a_conversion_moves_both_assets_and_books_spread_and_fee(desk: Desk) -> None:
    user = desk.somebody(2 * COIN)
    quote = desk.quote(user)
    asked = desk.convert(user, quote.id)
    assert desk.balance(user) == (2 * COIN - quote.taken_minor, quote.taken_minor)
    desk.assert_sound()
    assert desk.settle() == 1
    assert desk.settle() == 0
    assert desk.told(asked.id) == ("completed", None)
    assert desk.balance(user) == (2 * COIN - quote.taken_minor, 0)
    assert desk.balance(user, BOUGHT) == (quote.receives_minor, 0)
    assert desk.house("conversion_float", SOLD) == quote.net_minor
    assert desk.house("conversion_spread", SOLD) == quote.spread_minor
    assert desk.house("conversion_income", SOLD) == quote.fee_minor
    assert desk.house("conversion_float", BOUGHT) == 10 * ETHER - quote.receives_minor
    # 0.9925 rLTC at 100 dollars buys 0.0330833… tETH at 3000.
    assert (quote.spread_minor, quote.fee_minor, quote.receives_minor // 10**13) == (500_000, 250_000, 3308)
    desk.assert_sound()
    with desk.container.reading() as session:
        flow = session.get_one(Flow, asked.flow_id)
        assert (flow.state, flow.amount_minor, flow.asset_id) == ("completed", quote.taken_minor, SOLD)
        assert {one.kind for one in evidence.transfers_of(session, flow.group_id)} == {"conversion_hold", "conversion"}
    assert verify(desk.container.engine).finding is None


def test_the_wallets_hold_what_the_books_say_before_and_after(desk: Desk) -> None:
    user = desk.somebody(2 * COIN)
    desk.asked(user)
    desk.settle()
    with desk.container.transaction() as session:
        for asset_id, minor in ((SOLD, 2 * COIN), (BOUGHT, 10 * ETHER)):
            holding = Holding(minor, 0, 0, 1, "")
            found = buffers.compare(session, assets.get(session, asset_id), holding, now=desk.container.now())
            assert (found.verdict, found.difference_minor) == ("ok", 0)


def set_open(desk: Desk, *, is_open: bool) -> None:
    with desk.container.transaction() as session:
        conversions.set_open(session, SOLD, BOUGHT, is_open=is_open, now=desk.container.now(), by=BY)


def contradict(desk: Desk) -> None:
    """Another source says something else altogether."""
    with desk.container.transaction() as session:
        now = desk.container.now()
        prices.add_source(session, SOLD_PRICE, "other", interval_s=60, fixed=parse_price("900"), now=now, by=BY)
        prices.record(session, SOLD_PRICE, "other", parse_price("900"), observed_at=now, now=now, by=BY)


def unfollow(desk: Desk) -> None:
    with desk.container.transaction() as session:
        prices.unfollow(session, BOUGHT_PRICE, now=desk.container.now(), by=BY)


def draw_all(desk: Desk) -> None:
    with desk.container.transaction() as session:
        conversions.draw(session, BOUGHT, 10 * ETHER, now=desk.container.now(), by=BY)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda desk: desk.price(SOLD_PRICE, "98.9"), "price_moved"),
        (lambda desk: desk.price(SOLD_PRICE, "101.1"), "price_moved"),
        (lambda desk: desk.later(timedelta(minutes=11)), "price_stale"),
        (unfollow, "price_stale"),
        (contradict, "price_disputed"),
        (lambda desk: set_open(desk, is_open=False), "pair_paused"),
        (draw_all, "float_short"),
    ],
)
def test_what_cannot_be_carried_out_is_given_back_whole_and_says_why(
    desk: Desk, happens: Callable[[Desk], None], why: str
) -> None:
    user = desk.somebody(2 * COIN)
    asked = desk.asked(user)
    happens(desk)
    assert desk.settle() == 1
    assert desk.told(asked.id) == ("failed", why)
    assert desk.balance(user) == (2 * COIN, 0)
    assert desk.balance(user, BOUGHT) == (0, 0)
    assert [desk.house(code, SOLD) for code in ("conversion_float", "conversion_spread", "conversion_income")] == [
        0
    ] * 3
    with desk.container.reading() as session:
        newest = flows.events_of(session, asked.flow_id)[-1]
    assert (newest.state, newest.detail["failed_because"]) == ("failed", why)
    assert newest.detail["why"] == FAILURES[why]
    desk.assert_sound()


def test_a_price_that_moves_within_its_tolerance_is_not_the_quotes(desk: Desk) -> None:
    user = desk.somebody(2 * COIN)
    quote = desk.quote(user)
    asked = desk.convert(user, quote.id)
    desk.price(SOLD_PRICE, "99")
    desk.settle()
    assert desk.told(asked.id) == ("completed", None)
    assert desk.balance(user, BOUGHT) == (quote.receives_minor, 0)


def test_the_house_never_pays_out_more_than_it_set_aside(container: Container) -> None:
    desk = Desk.open(container, float_minor=ETHER // 20)  # one of them takes two thirds of it
    users = [desk.somebody(COIN) for _ in range(3)]
    asked = [desk.asked(user) for user in users]
    desk.settle()
    assert [desk.told(one.id) for one in asked] == [("completed", None), *[("failed", "float_short")] * 2]
    assert [desk.balance(user) for user in users[1:]] == [(COIN, 0)] * 2
    with pytest.raises(ConversionUnavailable):
        desk.quote(users[1])
    desk.assert_sound()


# ------------------------------------------------------------------------------------------------------- quotes


def test_a_quote_is_used_once_by_whom_it_was_made_for_and_before_it_expires(desk: Desk) -> None:
    user, other = desk.somebody(10 * COIN), desk.somebody(10 * COIN)
    quote = desk.quote(user)
    with pytest.raises(QuoteNotFound):
        desk.convert(other, quote.id)
    desk.convert(user, quote.id)
    with pytest.raises(QuoteUsed):
        desk.convert(user, quote.id)
    late = desk.quote(user)
    desk.later(TERMS.quote_lifetime)
    with pytest.raises(QuoteExpired):
        desk.convert(user, late.id)
    assert desk.balance(user)[1] == quote.taken_minor


def test_a_quote_is_used_once_however_many_ask_at_once(desk: Desk) -> None:
    user = desk.somebody(20 * COIN)
    quote = desk.quote(user)

    def ask() -> str:
        try:
            desk.convert(user, quote.id)
        except QuoteUsed:
            return "used"
        return "converted"

    assert sorted(at_once(*[ask] * 8)) == ["converted", *["used"] * 7]
    assert desk.balance(user)[1] == quote.taken_minor
    desk.settle()
    desk.assert_sound()


def test_what_is_refused_leaves_the_quote_for_another_try(desk: Desk) -> None:
    user = desk.somebody(COIN // 2)
    quote = desk.quote(user)
    with pytest.raises(InsufficientFunds):
        desk.convert(user, quote.id)
    set_open(desk, is_open=False)
    with pytest.raises(ConversionPairPaused):
        desk.convert(user, quote.id)
    set_open(desk, is_open=True)
    desk.fund(user, COIN)
    assert desk.convert(user, quote.id).state == "requested"


def test_there_is_no_quote_without_a_pair_a_fresh_price_and_an_amount_within_its_range(desk: Desk) -> None:
    user = desk.somebody()
    for minor in (TERMS.minimum_minor - 1, TERMS.maximum_minor + 1):
        with pytest.raises(ConversionOutOfRange):
            desk.quote(user, minor)
    with pytest.raises(ConversionPairMissing), desk.container.reading() as session:
        conversions.quote(
            session, user_id=user, from_asset_id=BOUGHT, to_asset_id=SOLD, amount_minor=ETHER,
            now=desk.container.now(),
        )  # fmt: skip
    set_open(desk, is_open=False)
    with pytest.raises(ConversionPairPaused):
        desk.quote(user)
    set_open(desk, is_open=True)
    desk.later(timedelta(minutes=11))
    with pytest.raises(PriceStale):
        desk.quote(user)


def test_quotes_that_nobody_used_are_forgotten_and_the_others_are_not(desk: Desk) -> None:
    user = desk.somebody(2 * COIN)
    used, unused = desk.quote(user), desk.quote(user)
    desk.convert(user, used.id)
    desk.later(timedelta(days=2))
    with desk.container.transaction() as session:
        conversions.forget_unused(session, now=desk.container.now())
        assert conversions.quote_of(session, used.id, user_id=user).used_at is not None
        with pytest.raises(QuoteNotFound):
            conversions.quote_of(session, unused.id, user_id=user)


# ------------------------------------------------------------------------------------------------------ workers


def test_two_workers_settle_each_conversion_once(desk: Desk) -> None:
    users = [desk.somebody(COIN) for _ in range(10)]
    asked = [desk.asked(user) for user in users]
    assert sum(at_once(desk.settle, desk.settle, desk.settle)) == 10
    assert {desk.told(one.id) for one in asked} == {("completed", None)}
    desk.assert_sound()


def test_who_lost_its_lease_carries_nothing_out(desk: Desk) -> None:
    user = desk.somebody(COIN)
    asked = desk.asked(user)
    with desk.container.transaction() as session:
        [slow] = conversions.claim_due(session, owner="slow", now=desk.container.now())
    assert desk.settle() == 0
    desk.later(LEASE_IS_OVER)
    assert desk.settle() == 1
    with pytest.raises(LeaseLost), desk.container.transaction() as session:
        conversions.settle(session, slow, now=desk.container.now(), by=BY)
    assert desk.told(asked.id) == ("completed", None)
    desk.assert_sound()


def test_one_that_cannot_be_settled_holds_up_no_other(desk: Desk) -> None:
    user_id = desk.somebody(2 * COIN)
    broken, sound = desk.asked(user_id), desk.asked(user_id)
    with desk.container.transaction() as session:  # what only a bug could do
        ledger.post_one(session, Transaction("test", "test", (Void(broken.net_hold_id),), desk.container.now()))
    with pytest.raises(InvariantBroken):
        desk.settle()
    assert [desk.told(one.id) for one in (broken, sound)] == [("requested", None), ("completed", None)]


# --------------------------------------------------------------------------------------------- what the house has


def test_only_what_is_the_owners_is_set_aside_and_a_key_counts_once(desk: Desk) -> None:
    now = desk.container.now()
    with pytest.raises(EquityShort, match=r"^0\.0{18} tETH"), desk.container.transaction() as session:
        conversions.fund(session, BOUGHT, 1, now=now, by=BY)
    with desk.container.transaction() as session:
        desk.book(session, "owner_funding", "hot_wallet", "owner_equity", 7 * ETHER)
        desk.book(session, "network_fee", "network_fees", "hot_wallet", ETHER)  # which was the owner's too
        desk.book(session, "deposit_quarantined", "hot_wallet", "suspense", ETHER)  # which is not
        assert conversions.owned(session, BOUGHT) == 6 * ETHER
        desk.book(session, "deposit_undone_after_spending", "suspense", "hot_wallet", 3 * ETHER)
        assert conversions.owned(session, BOUGHT) == 4 * ETHER, "the house has lost what suspense lacks"
    for replayed in (False, True):
        with desk.container.transaction() as session:
            assert conversions.fund(session, BOUGHT, 4 * ETHER, now=now, by=BY, key="k").replayed is replayed
    assert desk.house("conversion_float", BOUGHT) == 14 * ETHER
    with pytest.raises(InsufficientFunds), desk.container.transaction() as session:
        conversions.draw(session, BOUGHT, 15 * ETHER, now=now, by=BY)
    desk.assert_sound()


def test_two_who_set_aside_at_once_do_not_count_the_same_money_twice(desk: Desk) -> None:
    with desk.container.transaction() as session:
        desk.book(session, "owner_funding", "hot_wallet", "owner_equity", ETHER)

    def fund() -> bool:
        try:
            with desk.container.transaction() as session:
                conversions.fund(session, BOUGHT, ETHER, now=desk.container.now(), by=BY)
        except EquityShort:
            return False
        return True

    assert sorted(at_once(*[fund] * 4)) == [False, False, False, True]
    assert desk.house("conversion_float", BOUGHT) == 11 * ETHER


def test_terms_that_cannot_be_meant_are_refused(desk: Desk) -> None:
    now = desk.container.now()
    with desk.container.transaction() as session:
        prices.set_rule(session, "LTC/EUR", PriceRule(timedelta(minutes=10), 1, 500), now=now, by=BY)
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        (BOUGHT, {"charges": Charges(600_000, 400_000)}),
        (BOUGHT, {"charges": Charges(-1, 0)}),
        (BOUGHT, {"minimum_minor": 0}),
        (BOUGHT, {"maximum_minor": 1}),
        (BOUGHT, {"quote_lifetime": timedelta(0)}),
        (BOUGHT, {"quote_lifetime": timedelta(hours=2)}),
        (BOUGHT, {"tolerance_ppm": -1}),
        (BOUGHT, {"from_price": ""}),  # test money is worth nothing by itself
        (BOUGHT, {"from_price": "LTC/EUR"}),
        (SOLD, {}),
    )
    for bought, changes in wrong:
        with pytest.raises(InvalidConversionPair), desk.container.transaction() as session:
            conversions.set_terms(session, SOLD, bought, replace(TERMS, **changes), now=now, by=BY)


def test_the_invariants_find_what_was_altered(desk: Desk, own_database: Database) -> None:
    user = desk.somebody(4 * COIN)
    desk.asked(user)
    desk.settle()
    open_one = desk.asked(user)
    desk.assert_sound()
    altered = {
        "UPDATE conversions SET state = 'requested', closed_at = NULL, transaction_id = NULL": "holds what it takes",
        "UPDATE conversion_quotes SET receives_minor = receives_minor + 1": "paid what was quoted",
        "UPDATE flows SET state = 'failed'": "a flow stands where",
        f"DELETE FROM conversions WHERE id = '{open_one.id}'": "is of open withdrawals and conversions",
    }
    engine = engine_for(own_database.superuser_url)
    for statement, found in altered.items():
        with Session(engine) as session:
            # Past every trigger and constraint, and taken back.
            session.execute(text(f"SET LOCAL session_replication_role = replica; {statement}"))
            assert any(found in finding.invariant for finding in invariants.check(session)), statement
            session.rollback()
    engine.dispose()
