"""A buffer that runs low asks to be funded, and what its operator sends is the owner's equity, nobody's balance."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.flows import WrongState
from domain.house import HOUSE_ID
from models.replenishment import Replenishment
from services import alerts, buffer_marks, buffer_reports, ledger, replenishments, transfers
from tasks import buffers
from tests.rail import BY, COIN, Rail
from tests.services import world


def mark(rail: Rail, low: int, high: int, discrepancy: int = 0) -> None:
    with rail.container.transaction() as session:
        buffer_marks.put(
            session,
            rail.asset_id,
            low_minor=low,
            high_minor=high,
            discrepancy_minor=discrepancy,
            mismatches_min=3,
            now=rail.container.now(),
            by=BY,
        )


def look(rail: Rail) -> str:
    verdict = rail.compare()
    buffers.follow_marks(rail.container, BY)
    return verdict


def orders(rail: Rail) -> list[tuple[str, int, int]]:
    rows: list[Replenishment] = list(rail.rows(Replenishment))
    return [(row.state, row.amount_minor, row.received_minor) for row in rows]


def act(rail: Rail, decision: Any, **facts: Any) -> Replenishment:
    order: Replenishment = rail.rows(Replenishment)[-1]
    with rail.container.transaction() as session:
        done: Replenishment = decision(session, order.id, now=rail.container.now(), by=BY, **facts)
        return done


def address(rail: Rail) -> str:
    with rail.container.reading() as session:
        spelled = replenishments.address_of(session, rail.rows(Replenishment)[-1])
    assert spelled is not None
    return spelled


def equity(rail: Rail) -> int:
    with rail.container.reading() as session:
        return ledger.system_balance(session, "owner_equity", rail.asset_id)


@pytest.mark.causes("buffer_low")
def test_a_low_buffer_is_proposed_approved_and_funded_in_two_payments(rail: Rail) -> None:
    rail.watch()
    mark(rail, COIN, 3 * COIN)
    look(rail)
    look(rail)
    assert orders(rail) == [("proposed", 3 * COIN, 0)]
    assert world.standing(rail) == {"buffer_low": "warning"}
    act(rail, replenishments.approve)
    rail.send_to(address(rail), COIN)
    rail.mine(6)
    rail.watch()
    look(rail)
    # Above the low mark it is still low: it was, and has not reached the high one.
    assert (orders(rail), equity(rail)) == ([("approved", 3 * COIN, COIN)], COIN)
    assert world.standing(rail) == {"buffer_low": "warning"}
    rail.send_to(address(rail), 2 * COIN)
    rail.mine(6)
    rail.watch()
    assert look(rail) == "ok"
    assert (orders(rail), equity(rail)) == ([("completed", 3 * COIN, 3 * COIN)], 3 * COIN)
    assert world.standing(rail) == {}
    assert rail.balance(HOUSE_ID) == (0, 0)
    rail.assert_sound()


def test_a_fork_undoes_what_funded_an_order_until_it_is_mined_again(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=[[None, 1]])
    rail.watch()
    mark(rail, COIN, COIN)
    look(rail)
    act(rail, replenishments.approve)
    txid = rail.send_to(address(rail), COIN)
    rail.mine(1)
    rail.watch()
    assert orders(rail) == [("completed", COIN, COIN)]
    world.drop_blocks(rail, 1)
    world.mine_holding(rail, count=2)
    rail.watch()
    assert (orders(rail), equity(rail)) == ([("undone", COIN, 0)], 0)
    world.mine_holding(rail, txid)
    rail.watch()
    assert (orders(rail), equity(rail)) == ([("completed", COIN, COIN)], COIN)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_an_order_whose_funds_a_fork_undid_for_good_is_given_up_and_money_that_comes_all_the_same_is_equity(
    rail: Rail,
) -> None:
    world.set_asset(rail, confirmation_tiers=[[None, 1]])
    rail.watch()
    mark(rail, COIN, COIN)
    look(rail)
    act(rail, replenishments.approve)
    txid = rail.send_to(address(rail), COIN)
    rail.mine(1)
    rail.watch()
    world.drop_blocks(rail, 1)
    world.mine_holding(rail, count=2)
    rail.watch()
    act(rail, replenishments.cancel, reason="replaced by its sender")
    assert (orders(rail), equity(rail)) == ([("cancelled", COIN, 0)], 0)
    world.mine_holding(rail, txid)
    rail.watch()
    assert (orders(rail), equity(rail)) == ([("cancelled", COIN, COIN)], COIN)
    rail.assert_sound()


def test_what_nobody_funds_expires_and_money_that_comes_later_is_equity_all_the_same(rail: Rail) -> None:
    rail.watch()
    mark(rail, COIN, COIN)
    look(rail)
    act(rail, replenishments.approve)
    where = address(rail)
    world.travel(rail, timedelta(days=4))
    with rail.container.transaction() as session:
        assert replenishments.expire_due(session, now=rail.container.now(), by=BY) == 1
    with pytest.raises(WrongState):
        act(rail, replenishments.approve)
    sender = rail.new_user()
    with rail.container.transaction() as session:
        # Nobody sends the house money by its name; a house to which it was done before keeps its books in order.
        ledger.user_account(session, HOUSE_ID, rail.asset_id)
        with pytest.raises(transfers.RecipientNotFound):
            transfers.transfer(
                session, sender_id=sender, recipient="house", amount_minor=1, note=None,
                paid_from=transfers.purse(session, sender, rail.asset_id), now=rail.container.now(), by=BY,
            )  # fmt: skip
    rail.send_to(where, COIN // 2)
    rail.mine(6)
    rail.watch()
    assert (orders(rail), equity(rail)) == ([("expired", COIN, 0)], COIN // 2)
    look(rail)
    assert [row[:2] for row in orders(rail)] == [("expired", COIN), ("proposed", COIN // 2)]
    act(rail, replenishments.cancel, reason="enough for now")
    assert orders(rail)[-1][0] == "cancelled"
    rail.assert_sound()


def test_an_unreadable_wallet_neither_raises_nor_clears_and_opens_no_order(rail: Rail) -> None:
    rail.watch()
    rail.mine()
    mark(rail, COIN, COIN)
    assert look(rail) == "unknown"
    assert (orders(rail), world.standing(rail)) == ([], {})


def test_only_one_order_is_open_even_when_two_are_proposed_at_once(rail: Rail) -> None:
    with rail.container.transaction() as session:
        now = rail.container.now()
        order = replenishments.propose(session, rail.asset_id, COIN, reason="by hand", now=now, by=BY)
        with pytest.raises(replenishments.ReplenishmentOpen):
            replenishments.propose(session, rail.asset_id, COIN, reason="by hand", now=now, by=BY)
        facts = {column.key: getattr(order, column.key) for column in Replenishment.__table__.columns}
    with pytest.raises(IntegrityError, match="one_open"), rail.container.transaction() as session:
        session.add(Replenishment(**{**facts, "id": HOUSE_ID}))


def test_a_difference_up_to_the_threshold_is_none(rail: Rail) -> None:
    rail.fund(rail.new_user(), COIN)
    rail.node.call("sendtoaddress", rail.outside_address(), "0.1", wallet=rail.container.settings.chains[0].wallet)
    rail.mine()
    rail.watch()
    assert rail.compare() == "mismatch"
    mark(rail, 0, 0, discrepancy=COIN // 5)
    assert rail.compare() == "ok"


def test_a_day_is_summed_up_once(rail: Rail) -> None:
    rail.fund(rail.new_user(), COIN)
    rail.compare()
    world.travel(rail, timedelta(days=1))
    for expected in (1, 0):
        with rail.container.transaction() as session:
            assert buffer_reports.write_due(session, now=rail.container.now()) == expected
    with rail.container.reading() as session:
        [row] = buffer_reports.newest(session, limit=5)
        assert (row.ok_count, row.holding_minor, row.credited_minor, row.paid_out_minor) == (1, COIN, COIN, 0)
        assert alerts.standing(session) == []
