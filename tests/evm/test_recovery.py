"""Books restored from a dump that is older than what the hot wallet's account sent: found in blocks, booked once.

What a worker sent whose records were lost with the newer books is here sent by the wallet without any record.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis.strategies import lists, sampled_from, tuples
from sqlalchemy.orm import Session

from cli.recover_account import book_account, look_at_account
from domain.chain_facts import NATIVE_VALUE, OutPoint
from domain.evm.addresses import parse_evm_address
from domain.evm.networks import WEI
from domain.wallet_facts import Payment, SentOutput, SentTransaction
from models.asset import WithdrawalPolicy
from models.loss import Loss
from models.payout import Payout
from models.withdrawal import Withdrawal
from services import ledger, payouts, withdrawals
from tests.dying import die_at
from tests.evm import paths
from tests.evm.paths import COIN, TOKEN, UNIT, EvmRail
from tests.evm.world import CAP, STRANGER, World
from tests.rail import BY
from tests.services import world as ways
from wiring.embedded.anvil import AnvilServer
from wiring.settings import Settings

KILLED = -signal.SIGKILL
OTHER = "0x000000000000000000000000000000000000bEEF"


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    made.add_token()
    yield made
    made.evm.close()
    made.container.engine.dispose()


@pytest.fixture
def owner(rail: EvmRail) -> UUID:
    """A user who paid in coins, which were swept: the hot wallet holds what the books say."""
    user_id, _ = rail.paid_in(None, 4 * WEI)
    rail.rounds(2)
    return user_id


def send(rail: EvmRail, to: str, amount_minor: int, contract: str = "") -> str:
    """Pay from the hot wallet without a record of it."""
    signed = rail.evm.build([Payment(to, amount_minor, contract)], fee_max_minor=CAP)
    rail.evm.broadcast(signed.raw_tx)
    rail.mine()
    return signed.txid


def state(rail: EvmRail, withdrawal: Withdrawal) -> str:
    with rail.container.reading() as session:
        return session.get_one(Withdrawal, withdrawal.id).state


def book(rail: EvmRail) -> int:
    return book_account(rail.container, rail.evm)


def in_suspense(rail: EvmRail, asset_id: str = COIN) -> int:
    with rail.container.reading() as session:
        return -ledger.system_balance(session, "suspense", asset_id)


def resume(rail: EvmRail) -> None:
    with rail.container.transaction() as session:
        for asset_id in (COIN, TOKEN):
            withdrawals.resume(session, asset_id, now=rail.container.now(), by=BY)
    rail.rounds(2)


def test_withdrawals_that_were_paid_after_the_dump_are_booked_by_it_and_not_paid_again(
    rail: EvmRail, owner: UUID
) -> None:
    token = rail.world.last_token
    token.transfer(rail.new_address(owner).address, 900 * UNIT)
    rail.rounds(4)
    assert rail.compare() == "ok"
    asked = [rail.withdraw(owner, COIN, WEI), rail.withdraw(owner, TOKEN, 100 * UNIT)]
    before = rail.world.balance(STRANGER)
    sent = [send(rail, STRANGER, WEI), send(rail, STRANGER, 100 * UNIT, token.address)]
    assert look_at_account(rail.container, rail.evm) == 2
    with rail.container.reading() as session:
        assert {session.get_one(WithdrawalPolicy, asset_id).paused for asset_id in (COIN, TOKEN)} == {True}
    assert book(rail) == 0
    assert [state(rail, one) for one in asked] == ["broadcast", "broadcast"]
    assert (book(rail), look_at_account(rail.container, rail.evm)) == (0, 0)
    resume(rail)
    assert [state(rail, one) for one in asked] == ["completed", "completed"]
    assert {row.txid for row in rail.rows(Payout) if row.purpose == "withdrawal"} == set(sent)
    assert rail.world.balance(STRANGER) - before == WEI
    assert (rail.owns(owner, COIN), rail.owns(owner, TOKEN)) == ((3 * WEI, 0), (800 * UNIT, 0))
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_what_no_withdrawal_explains_is_carried_by_suspense_once_it_is_final(rail: EvmRail, owner: UUID) -> None:
    waits = rail.withdraw(owner, COIN, WEI // 2)
    txid = send(rail, STRANGER, WEI)
    send(rail, rail.world.hot.address, 1)  # to itself: it has cost its fee
    ways.set_policy(rail, confirmations=3)
    rail.mine()
    assert book(rail) == 1  # of two, one is final already
    rail.mine()
    assert book(rail) == 0
    [carried] = rail.rows(Loss)
    assert (carried.txid, carried.amount_minor, carried.state) == (txid, WEI, "carried")
    assert in_suspense(rail) == WEI
    assert (book(rail), look_at_account(rail.container, rail.evm)) == (0, 0)
    assert (in_suspense(rail), rail.count(Loss)) == (WEI, 1)
    rail.watch()
    assert rail.compare() == "ok"
    assert state(rail, waits) == "approved"
    resume(rail)
    rail.rounds(1)
    assert state(rail, waits) == "completed"
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize(
    ("cancelled", "read"),
    [(False, True), (True, True), (True, False)],
    ids=["sped up", "cancelled", "cancelled in a block that was not read"],
)
def test_what_took_the_place_of_a_payment_after_the_dump_is_another_form_of_it(
    rail: EvmRail, owner: UUID, held: AnvilServer, *, cancelled: bool, read: bool
) -> None:
    asked = rail.withdraw(owner, COIN, WEI)
    rail.pay()
    [paid] = [row for row in rail.rows(Payout) if row.purpose == "withdrawal"]
    with rail.container.transaction() as session:
        first = payouts.bumpable(session, paid.id).payment
    change = rail.evm.cancel if cancelled else rail.evm.bump
    rail.evm.broadcast(change(first, fee_max_minor=CAP).raw_tx)
    held.mine()
    if read:
        rail.watch()  # takes it for a stranger's
    assert state(rail, asked) == ("uncertain" if read else "broadcast")
    assert book(rail) == 0
    assert book(rail) == 0
    rail.rounds(2)
    assert state(rail, asked) == ("failed" if cancelled else "completed")
    assert rail.owns(owner, COIN) == ((4 if cancelled else 3) * WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_gas_that_was_sent_to_a_deposit_address_after_the_dump_is_nobodys_deposit(rail: EvmRail, owner: UUID) -> None:
    send(rail, rail.new_address(owner).address, WEI // 100)
    assert book(rail) == 0
    resume(rail)
    assert rail.owns(owner, COIN) == (4 * WEI, 0)
    assert in_suspense(rail) == WEI // 100
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_what_waits_for_a_block_is_told_and_booked_once_it_is_in_one(
    rail: EvmRail, owner: UUID, held: AnvilServer, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = rail.withdraw(owner, COIN, WEI)
    signed = rail.evm.build([Payment(STRANGER, WEI)], fee_max_minor=CAP)
    rail.evm.broadcast(signed.raw_tx)
    assert look_at_account(rail.container, rail.evm) == 1
    assert f"nonces {signed.inputs[0].vout}: in no block" in capsys.readouterr().out
    assert book(rail) == 1
    assert rail.pay() == 0
    held.mine()
    assert book(rail) == 0
    resume(rail)
    assert state(rail, asked) == "completed"


@pytest.mark.parametrize("crash_at", ["recovery.booking", "recovery.booked"])
def test_what_the_account_sent_is_booked_once_whenever_the_command_dies(
    rail: EvmRail, owner: UUID, crash_at: str
) -> None:
    asked = rail.withdraw(owner, COIN, WEI)
    before = rail.world.balance(STRANGER)
    send(rail, OTHER, WEI // 2)
    send(rail, STRANGER, WEI)
    rail.mine()
    for _ in range(2):
        assert die_at(rail.container, "recover_account", crash_at) == KILLED
    assert book(rail) == 0
    resume(rail)
    assert (state(rail, asked), in_suspense(rail), rail.count(Loss)) == ("completed", WEI // 2, 1)
    assert rail.world.balance(STRANGER) - before == WEI
    assert rail.compare() == "ok"
    rail.assert_sound()


Order = tuple[str, int]
_ORDERS = tuples(sampled_from([STRANGER, OTHER]), sampled_from([1, 2]))


def test_each_withdrawal_is_paid_by_one_transaction_and_all_else_is_in_suspense(rail: EvmRail, owner: UUID) -> None:
    """Whatever was asked for and whatever was sent, in whatever order."""
    wanted: list[Order] = [(STRANGER, 1), (STRANGER, 1), (OTHER, 1), (OTHER, 2)]
    asked = {rail.withdraw(owner, COIN, amount, to=to).id: (to, amount) for to, amount in wanted}
    height, now = rail.world.height(), rail.container.now()

    @how(max_examples=15, deadline=None)
    @given(lists(_ORDERS, max_size=6))
    def holds(orders: list[Order]) -> None:
        sent = [transaction(rail, nonce, to, amount, height) for nonce, (to, amount) in enumerate(orders, 1000)]
        with Session(rail.container.engine) as session:  # which commits nothing
            before = ledger.system_balance(session, "suspense", COIN)
            for one in sent:
                payouts.account_for(session, "anvil", one, final_height=None, now=now, by=BY)
            suspense = before - ledger.system_balance(session, "suspense", COIN)
            paid = [session.get_one(Withdrawal, one) for one in asked]
            taken = Counter(asked[row.id] for row in paid if row.payout_id is not None)
            assert taken == Counter(orders) & Counter(wanted)
            assert suspense == sum(amount * count for (_, amount), count in (Counter(orders) - taken).items())
            again = {payouts.account_for(session, "anvil", one, final_height=None, now=now, by=BY) for one in sent}
            assert again <= {"known"}

    holds()


def transaction(rail: EvmRail, nonce: int, to: str, amount_minor: int, height: int) -> SentTransaction:
    return SentTransaction(
        txid=f"0x{nonce:064x}",
        raw_tx="0x00",
        fee_minor=7,
        vsize=1,
        inputs=(OutPoint(rail.evm.account, nonce),),
        outputs=(SentOutput(NATIVE_VALUE, parse_evm_address(to.lower()).text, amount_minor),),
        change_vout=None,
        confirmations=1,
        block_hash="0x00",
        block_height=height,
    )
