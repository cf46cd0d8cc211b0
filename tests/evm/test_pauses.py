"""Withdrawals of one asset are paused after one was signed: those of others, with later nonces, leave all the same."""

import signal
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis.strategies import fixed_dictionaries, lists, sampled_from
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.chain_facts import OutPoint
from domain.evm.networks import WEI
from domain.flows import WrongState
from domain.ids import new_id
from domain.wallet_facts import SignedPayment
from models.asset import WithdrawalPolicy
from models.audit import AuditLog
from models.flow import FlowEvent
from models.payout import PayoutTransaction
from models.withdrawal import Withdrawal
from services import payouts, withdrawals
from services.payouts import signing
from tasks.payouts import bump_chain
from tests.dying import die_at
from tests.evm import paths
from tests.evm.paths import A_WHILE, COIN, TOKEN, UNIT, EvmRail
from tests.evm.world import ANVIL, CAP, STRANGER, World
from tests.rail import BY
from tests.services import world as ways
from wiring.embedded.anvil import AnvilServer
from wiring.settings import Settings

KILLED = -signal.SIGKILL


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    made.add_token()
    yield made
    made.evm.close()
    made.container.engine.dispose()


@pytest.fixture
def kept_back(rail: EvmRail) -> tuple[Withdrawal, Withdrawal]:
    """A payment of the coin that was signed and not offered before its asset was paused; one of a token, not signed."""
    return prepared(rail, "withdrawal.signed")


def prepared(rail: EvmRail, crash_at: str) -> tuple[Withdrawal, Withdrawal]:
    token = rail.world.last_token
    coins, _ = rail.paid_in(None, 2 * WEI)
    tokens, _ = rail.paid_in(token, 900 * UNIT)
    rail.fund_hot(3 * WEI)
    token.transfer(rail.world.hot.address, 900 * UNIT)
    rail.mine()
    coin = rail.withdraw(coins, COIN, WEI)
    assert die_at(rail.container, "pay", crash_at) == KILLED
    with rail.container.transaction() as session:
        withdrawals.pause(session, COIN, now=rail.container.now(), by=BY)
    ways.travel(rail, A_WHILE)
    return coin, rail.withdraw(tokens, TOKEN, 100 * UNIT)


def finish(rail: EvmRail) -> None:
    rail.mine()
    rail.watch()
    rail.settle()


def state(rail: EvmRail, withdrawal: Withdrawal) -> str:
    with rail.container.reading() as session:
        return session.get_one(Withdrawal, withdrawal.id).state


def forms(rail: EvmRail, withdrawal: Withdrawal) -> list[bool]:
    with rail.container.reading() as session:
        payout_id = session.get_one(Withdrawal, withdrawal.id).payout_id
        assert payout_id is not None
        return [form.is_cancellation for form in payouts.forms_of(session, payout_id)]


def notes(rail: EvmRail, withdrawal: Withdrawal) -> list[dict[str, Any]]:
    query = select(FlowEvent.detail).where(FlowEvent.group_id == withdrawal.flow_id).order_by(FlowEvent.id)
    with rail.container.reading() as session:
        return [dict(detail) for detail in session.scalars(query) if "because" in detail]


def resume(rail: EvmRail) -> None:
    with rail.container.transaction() as session:
        withdrawals.resume(session, COIN, now=rail.container.now(), by=BY)


def test_what_was_signed_before_a_pause_stays_where_it_is_while_it_is_in_nobodys_way(
    rail: EvmRail, kept_back: tuple[Withdrawal, Withdrawal]
) -> None:
    coin, _ = kept_back
    before = rail.world.balance(STRANGER)
    assert (rail.send(), bump_chain(rail.container, rail.chain, BY)) == (0, 0)
    assert (state(rail, coin), forms(rail, coin)) == ("signed", [False])
    resume(rail)
    rail.send()
    finish(rail)
    assert state(rail, coin) == "completed"
    assert rail.world.balance(STRANGER) - before == WEI
    rail.assert_sound()


def test_what_waits_behind_a_paused_payment_leaves_and_the_paused_one_pays_nobody(
    rail: EvmRail, kept_back: tuple[Withdrawal, Withdrawal]
) -> None:
    coin, token = kept_back
    before = rail.world.balance(STRANGER)
    rail.pay()
    finish(rail)
    assert (state(rail, coin), state(rail, token)) == ("signed", "broadcast")
    assert bump_chain(rail.container, rail.chain, BY) == 1
    finish(rail)
    assert (state(rail, coin), state(rail, token)) == ("failed", "completed")
    assert rail.world.balance(STRANGER) == before
    assert rail.owns(coin.user_id, COIN) == (2 * WEI, 0)
    [why] = notes(rail, coin)
    assert why["because"] == "paused_and_in_the_way"
    with rail.container.reading() as session:
        [entry] = session.scalars(select(AuditLog).where(AuditLog.event == "payout.cancelling"))
        assert entry.detail["because"] == "paused_and_in_the_way"
    resume(rail)
    rail.watch_and_send()
    assert rail.world.balance(STRANGER) == before
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", ["withdrawal.bump_built", "withdrawal.bumped", "withdrawal.broadcast"])
def test_a_paused_payment_is_cancelled_once_whenever_the_one_who_does_it_dies(
    rail: EvmRail, kept_back: tuple[Withdrawal, Withdrawal], crash_at: str
) -> None:
    coin, token = kept_back
    before = rail.world.balance(STRANGER)
    rail.pay()
    assert die_at(rail.container, "bump", crash_at) == KILLED
    rail.rounds(2)
    assert forms(rail, coin) == [False, True]
    assert (state(rail, coin), state(rail, token)) == ("failed", "completed")
    assert rail.world.balance(STRANGER) == before
    assert rail.owns(coin.user_id, COIN) == (2 * WEI, 0)
    rail.assert_sound()


@pytest.mark.parametrize("mined", [True, False], ids=["first form mined", "first form waits"])
def test_a_paused_payment_that_had_left_unknown_to_us_is_decided_by_a_block(
    rail: EvmRail, held: AnvilServer, *, mined: bool
) -> None:
    """Its sender died between the node's answer and the record of it."""
    before = rail.world.balance(STRANGER)
    coin, token = prepared(rail, "withdrawal.broadcast")
    assert state(rail, coin) == "signed"
    rail.pay()
    if mined:
        held.mine()
    bump_chain(rail.container, rail.chain, BY)
    assert forms(rail, coin) == ([False] if mined else [False, True])
    rail.rounds(2)
    assert (state(rail, coin), state(rail, token)) == ("completed" if mined else "failed", "completed")
    assert rail.world.balance(STRANGER) - before == (WEI if mined else 0)
    assert rail.owns(coin.user_id, COIN) == (WEI if mined else 2 * WEI, 0)
    rail.assert_sound()


def test_a_payment_that_is_let_out_while_it_is_being_cancelled_is_paid(
    rail: EvmRail, kept_back: tuple[Withdrawal, Withdrawal]
) -> None:
    coin, _ = kept_back
    rail.pay()
    with rail.container.transaction() as session:
        [blocking] = payouts.in_the_way(session, "anvil", now=rail.container.now())
        replaced = payouts.bumpable(session, blocking)
    signed = rail.evm.cancel(replaced.payment, fee_max_minor=CAP)
    resume(rail)
    with pytest.raises(WrongState), rail.container.transaction() as session:
        payouts.record_bumped(session, blocking, replaced, signed, now=rail.container.now(), by=BY)
    rail.rounds(1)
    assert (state(rail, coin), forms(rail, coin)) == ("completed", [False])


def test_a_paused_payment_that_cannot_be_cancelled_yet_says_so_once_and_is_tried_again(
    rail: EvmRail, kept_back: tuple[Withdrawal, Withdrawal]
) -> None:
    coin, token = kept_back
    rail.pay()
    ways.set_policy(rail, network_fee_cap_minor=1)
    for _ in range(2):
        assert bump_chain(rail.container, rail.chain, BY) == 0
        assert bump_chain(rail.container, rail.chain, BY) == 0  # not due
        ways.travel(rail, A_WHILE)
    assert [note["not_cancelled_because"] for note in notes(rail, coin)] == ["fee_above_cap"]
    ways.set_policy(rail, network_fee_cap_minor=CAP)
    rail.rounds(1)
    assert (state(rail, coin), state(rail, token)) == ("failed", "completed")


Stored = dict[str, Any]
_STORED = fixed_dictionaries(
    {
        "state": sampled_from(["signed", "signed", "broadcast", "confirming", "failed"]),
        "asset_id": sampled_from([COIN, TOKEN]),
        "purpose": sampled_from(["withdrawal", "withdrawal", "gas_top_up"]),
        "account": sampled_from(["0xaa", "0xbb"]),
        "cancelled": sampled_from([False, False, True]),
    }
)


def in_the_way(stored: list[Stored], paused: set[str]) -> list[int]:
    """The rule, said once more: signed, kept back, and before something of its account that may leave."""

    def kept_back(one: Stored) -> bool:
        is_withdrawal = one["purpose"] == "withdrawal"
        return bool(one["state"] == "signed" and is_withdrawal and one["asset_id"] in paused and not one["cancelled"])

    def waits(one: Stored) -> bool:
        return one["state"] not in {"confirming", "failed"} and not kept_back(one)

    return [
        nonce
        for nonce, one in enumerate(stored)
        if kept_back(one) and any(waits(later) and later["account"] == one["account"] for later in stored[nonce + 1 :])
    ]


def test_only_what_keeps_others_from_leaving_is_in_the_way(rail: EvmRail) -> None:
    @how(max_examples=30, deadline=None)
    @given(lists(_STORED, min_size=2, max_size=6), sampled_from([{COIN}, {COIN, TOKEN}]))
    def holds(stored: list[Stored], paused: set[str]) -> None:
        with Session(rail.container.engine) as session:  # which commits nothing
            for asset_id in paused:
                of = update(WithdrawalPolicy).where(WithdrawalPolicy.asset_id == asset_id)
                session.execute(of.values(paused=True))
            ids = [store(rail, session, nonce, one) for nonce, one in enumerate(stored)]
            found = payouts.in_the_way(session, ANVIL.chain, now=rail.container.now())
            assert [ids.index(one) for one in found] == in_the_way(stored, paused)

    holds()


def store(rail: EvmRail, session: Session, nonce: int, one: Stored) -> UUID:
    signed = SignedPayment(new_id().hex, "00", 1, 1, (OutPoint(one["account"], nonce),), (0,), None)
    payout = signing.store(
        session, ANVIL.chain, one["asset_id"], COIN, signed, purpose=one["purpose"], now=rail.container.now()
    )
    payout.state = one["state"]
    if one["state"] == "confirming":
        payout.block_height, payout.block_hash = 1, "00"
    if one["cancelled"]:
        session.execute(
            update(PayoutTransaction).where(PayoutTransaction.payout_id == payout.id).values(is_cancellation=True)
        )
    session.flush()
    return payout.id
