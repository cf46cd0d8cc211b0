"""What lies on deposit addresses moves to the hot wallet once, whatever happens on the way."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import cast

import pytest
from sqlalchemy import update

from adapters.verification.reader import FailOverReader
from domain.evm.networks import WEI
from domain.ids import short_id
from models.deposit import Deposit
from models.payout import Payout
from models.sweep import Sweep
from models.withdrawal import Withdrawal
from services import assets, buffers, ledger, sweeps, verifications
from tasks.verifications import check
from tests.api.house import House
from tests.contracts import Contract
from tests.evm import paths
from tests.evm.paths import COIN, TOKEN, UNIT, EvmRail
from tests.evm.world import STRANGER, World
from tests.pages.reader import Reader, words
from tests.rail import BY
from tests.services import world as ways
from wiring.settings import Settings


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    yield made
    made.evm.close()
    made.container.engine.dispose()


@contextmanager
def frozen(rail: EvmRail, token: Contract) -> Iterator[None]:
    """Have a token revert whatever is asked of it."""
    anvil = rail.world.anvil
    code = anvil.call("eth_getCode", token.address, "latest")
    anvil.call("anvil_setCode", token.address, "0x60006000fd")
    yield
    anvil.call("anvil_setCode", token.address, code)


def unswept(rail: EvmRail) -> list[str]:
    with rail.container.reading() as session:
        return sweeps.unswept_addresses(session, "anvil")


def test_a_token_is_topped_up_and_swept_and_the_books_agree(rail: EvmRail) -> None:
    token = rail.add_token()
    # The books know of the hot wallet's coins: a deposit of somebody's, swept.
    payer, _ = rail.paid_in(None, WEI)
    rail.rounds(2)
    user_id, address = rail.paid_in(token, 900 * UNIT)
    assert unswept(rail) == [address]
    rail.rounds()
    assert [sweep.state for sweep in rail.rows(Sweep)] == ["completed", "completed"]
    assert sorted(payout.purpose for payout in rail.rows(Payout)) == ["gas_top_up", "sweep", "sweep"]
    assert rail.evm.holding(token.address).trusted_minor == 900 * UNIT
    assert unswept(rail) == []
    assert rail.compare() == "ok"
    assert rail.owns(user_id, TOKEN) == (900 * UNIT, 0)
    assert rail.owns(payer, COIN) == (WEI, 0)
    states = ways.states(rail, rail.rows(Sweep)[-1].flow_id)
    assert list(dict.fromkeys(states)) == ["proposed", "topping_up", "signed", "broadcast", "confirming", "completed"]
    # What gas was not used lies there still, and is known.
    assert rail.world.balance(address) == rail.rows(Sweep)[-1].left_minor
    rail.assert_sound()


def test_a_coin_is_swept_less_its_fee_and_its_remainder_the_next_time(rail: EvmRail) -> None:
    rail.add_token()
    user_id, address = rail.paid_in(None, WEI)
    rail.rounds(2)
    first = rail.the_sweep()
    assert first.state == "completed"
    assert first.left_minor == rail.world.balance(address)
    assert rail.compare() == "ok"
    rail.world.anvil.pay(address, WEI)
    rail.mine()
    rail.rounds(2)
    left_minor = rail.world.balance(address)
    assert left_minor == rail.rows(Sweep)[-1].left_minor
    with rail.container.reading() as session:
        assert sweeps.left_behind(session, "anvil") == left_minor
        assert sweeps.left_behind(session, "anvil", besides=[address]) == 0
    assert rail.owns(user_id, COIN) == (2 * WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_coin_that_arrives_once_a_sweep_is_proposed_is_left_for_the_next_one(rail: EvmRail) -> None:
    """The sweep of a token counts the coin beside it as left there: that is not to be moved twice."""
    token = rail.add_token()
    rail.paid_in(None, WEI)
    rail.rounds(2)
    _, address = rail.paid_in(token, 900 * UNIT)
    rail.sweep()
    rail.world.anvil.pay(address, WEI)
    for _ in range(2):  # the gas, and then the token
        rail.sweep()
        rail.send()
        rail.mine()
        rail.watch()
        rail.settle()
    assert rail.rows(Sweep)[-1].state == "completed"
    with rail.container.transaction() as session:
        assert sweeps.propose(session, "anvil", now=rail.container.now(), by=BY) == 1
    rail.world.anvil.pay(address, WEI)
    rail.mine()
    rail.watch()
    with rail.container.transaction() as session:
        [order] = sweeps.claim_due(session, "anvil", owner="somebody who dies", now=rail.container.now())
    assert WEI < order.amount_minor < WEI + WEI // 100
    rail.rounds(8)
    assert {sweep.state for sweep in rail.rows(Sweep)} == {"completed"}
    assert unswept(rail) == []
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_what_the_house_sweeps_to_itself_is_nobodys_payment(rail: EvmRail) -> None:
    """Everybody sees it arrive at the hot wallet, where people may be told to pay."""
    user_id, thief = rail.paid_in(None, WEI)[0], rail.new_user()
    rail.rounds(2)
    with rail.container.transaction() as session:
        now = rail.container.now()
        verifications.add_address(session, "anvil", rail.evm.account, client_id=None, now=now, by=BY)
        verifications.set_rule(
            session, COIN, tolerance_minor=None, age_max_s=10**7, confirmations=1, now=now, by=BY
        )  # fmt: skip
        claimed = verifications.request(
            session, user_id=thief, client_id=None, asset=assets.get(session, COIN), chain="anvil",
            tx_hash=rail.payout().txid, to=None, amount_minor=None, reference="", now=now, by=BY,
        ).id  # fmt: skip
    check.run.__wrapped__(rail.container, BY)
    reader = cast("FailOverReader", rail.container.verifiers["anvil"])
    with closing(reader), rail.container.reading() as session:
        decided = verifications.one(session, claimed)
        evidence = verifications.exchanges_of(session, claimed)
        reading = reader.reread(verifications.question_of(session, decided), evidence)
        assert reading.facts is not None, reading.doubt
        again = verifications.replayed(session, claimed, reading, now=now, by=BY, carry_out=False)
    assert (decided.state, decided.reason) == ("rejected", "moved_by_the_house")
    assert not again.differs
    assert (rail.owns(thief, COIN), rail.owns(user_id, COIN)) == ((0, 0), (WEI, 0))
    assert rail.compare() == "ok"


def test_what_is_too_little_set_aside_or_not_final_stays(rail: EvmRail) -> None:
    token = rail.add_token()
    ways.set_asset(rail, minimum_deposit_minor=UNIT)
    rail.paid_in(token, 4 * UNIT)
    assert rail.sweep() == 0
    with rail.container.transaction() as session:
        sweeps.set_threshold(session, TOKEN, 4 * UNIT, now=rail.container.now(), by=BY)
        session.execute(update(Deposit).values(confirmations_needed=3))
    assert rail.sweep() == 0
    with rail.container.transaction() as session:
        session.execute(update(Deposit).values(confirmations_needed=1, state="quarantined"))
    assert rail.sweep() == 0
    assert rail.count(Sweep) == 0


@pytest.mark.causes("sweep_waits")
def test_a_sweep_waits_for_the_hot_wallets_coin_and_says_so(rail: EvmRail) -> None:
    token = rail.add_token()
    rail.paid_in(token, 900 * UNIT)
    for _ in range(6):
        rail.watch_and_send()
    waiting = rail.the_sweep()
    assert (waiting.state, waiting.waiting_reason) == ("proposed", "insufficient_hot_funds")
    assert ways.notes(rail, waiting.flow_id) == [{"waits_because": "insufficient_hot_funds"}]
    assert ways.standing(rail)["sweep_waits"] == "warning"
    rail.fund_hot()
    rail.rounds()
    assert rail.the_sweep().state == "completed"
    assert "sweep_waits" not in ways.standing(rail)


def test_operators_see_what_is_swept_and_act_on_it(rail: EvmRail) -> None:
    token = rail.add_token()
    user_id, address = rail.paid_in(token, 900 * UNIT)
    rail.watch_and_send()
    house = House(rail.container)
    operator = Reader(house, house.person(role="approver"))
    shown = operator.text("/operator/sweeps")
    assert "Under way (1)" in shown
    assert "The hot wallet holds too little" in shown
    assert "900.000 000 tUSD" in shown.replace("\u2009", " ").replace("\u00a0", " ")
    rail.fund_hot()
    rail.watch_and_send()
    sweep = rail.the_sweep()
    flow, place = f"/flows/{short_id(sweep.flow_id)}", f"/operator/sweeps/{sweep.id}/resolve"
    assert "gas for the address, in no block" in operator.text(flow)
    assert "Raise the network fee" in operator.text(flow)
    assert operator.post(place, action="retry").location == flow
    assert "the short id that was typed is not this one's" in words(operator.post(place, action="give_up", typed="x"))
    assert Reader(house, house.person()).post(place, action="retry").status_code == 403
    rail.rounds()
    assert "there is nothing to send again" in words(operator.post(place, action="retry"))
    assert "Under way (0)" in operator.text("/operator/sweeps")
    assert "Left there" in operator.text(flow)
    assert "0.000 000 tUSD" in operator.text("/operator/sweeps").replace("\u2009", " ").replace("\u00a0", " ")
    assert rail.owns(user_id, TOKEN) == (900 * UNIT, 0)
    assert address in operator.get("/operator/sweeps").text


def test_a_deposit_that_arrives_during_a_sweep_is_swept_by_the_next(rail: EvmRail) -> None:
    token = rail.add_token()
    rail.fund_hot()
    user_id, address = rail.paid_in(token, 900 * UNIT)
    assert rail.sweep() == 1
    token.transfer(address, 100 * UNIT)
    rail.watch()
    assert len(unswept(rail)) == 1
    rail.rounds(7)
    assert [int(sweep.amount_minor) for sweep in rail.rows(Sweep)] == [900 * UNIT, 100 * UNIT]
    assert {sweep.state for sweep in rail.rows(Sweep)} == {"completed"}
    assert rail.evm.holding(token.address).trusted_minor == 1000 * UNIT
    assert rail.owns(user_id, TOKEN) == (1000 * UNIT, 0)


def test_a_sweep_that_reverts_pays_its_gas_and_is_done_anew(rail: EvmRail) -> None:
    token = rail.add_token()
    payer, _ = rail.paid_in(None, WEI)
    rail.rounds(2)
    rail.paid_in(token, 900 * UNIT)
    rail.watch_and_send()
    rail.mine()
    rail.watch()
    rail.credit()
    rail.settle()
    anvil = rail.world.anvil
    ways.travel(rail, paths.A_WHILE)
    assert rail.sweep() == 1
    failing = rail.rows(Payout)[-1]
    with frozen(rail, token):
        anvil.mine()
    rail.watch()
    rail.settle()
    assert [payout.state for payout in rail.rows(Payout) if payout.id == failing.id] == ["failed"]
    assert rail.rows(Sweep)[-1].state == "failed"
    assert len(unswept(rail)) == 1
    assert rail.owns(payer, COIN) == (WEI, 0)
    rail.assert_sound()


def test_a_sweep_whose_block_leaves_the_chain_is_offered_again_and_done_once(rail: EvmRail) -> None:
    rail.add_token()
    user_id, address = rail.paid_in(None, WEI)
    # Above the least there is, so that it can fall.
    rail.world.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    rail.mine(1)
    rail.watch()
    snapshot = rail.world.anvil.call("evm_snapshot")
    rail.rounds(2)
    assert rail.the_sweep().state == "completed"
    first_minor = cost(rail.payout())
    rail.world.anvil.call("evm_revert", snapshot)
    rail.mine(4)
    rail.watch()
    assert rail.payout().block_height is None
    assert unswept(rail) == [address]
    assert rail.world.balance(address) == WEI
    rail.rounds(2)
    assert (rail.the_sweep().state, rail.count(Payout)) == ("completed", 1)
    assert unswept(rail) == []
    assert rail.owns(user_id, COIN) == (WEI, 0)
    # Other blocks before it made gas cheaper: the books say what it cost now, and what is left says so too.
    assert cost(rail.payout()) < first_minor
    assert fees_booked(rail) == cost(rail.payout())
    assert rail.the_sweep().left_minor == rail.world.balance(address)
    assert difference(rail) == 0
    assert ways.standing(rail) == {}
    rail.assert_sound()


def test_a_withdrawal_whose_block_leaves_the_chain_is_sent_once_and_its_cost_corrected(rail: EvmRail) -> None:
    rail.add_token()
    user_id, _ = rail.paid_in(None, 2 * WEI)
    rail.rounds(2)
    snapshot = rail.world.anvil.call("evm_snapshot")
    before = rail.world.balance(STRANGER)
    asked = rail.withdraw(user_id, COIN, WEI)
    rail.rounds(2)
    paid = next(row for row in rail.rows(Payout) if row.purpose == "withdrawal")
    sweep_fee_minor = fees_booked(rail) - cost(paid)
    rail.world.anvil.call("evm_revert", snapshot)
    rail.mine(2)
    rail.watch()
    newest = rail.world.anvil.call("eth_getBlockByNumber", "latest", False)
    dearer_minor = int(newest["baseFeePerGas"], 16) * 3 // 2
    rail.world.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(dearer_minor))
    rail.rounds(2)
    again = next(row for row in rail.rows(Payout) if row.id == paid.id)
    assert (again.state, again.txid) == ("completed", paid.txid)
    assert cost(again) > cost(paid)
    assert fees_booked(rail) == sweep_fee_minor + cost(again)
    assert rail.world.balance(STRANGER) - before == WEI
    assert [row.state for row in rail.rows(Withdrawal) if row.id == asked.id] == ["completed"]
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert difference(rail) == 0
    assert ways.standing(rail) == {}
    rail.assert_sound()


def cost(payout: Payout) -> int:
    assert payout.fee_minor is not None
    return payout.fee_minor


def fees_booked(rail: EvmRail) -> int:
    """What the ledger says that the network has cost, in the smallest unit of the coin."""
    with rail.container.reading() as session:
        return abs(ledger.system_balance(session, "network_fees", COIN))


def difference(rail: EvmRail) -> int | None:
    """By how much what the house holds of the coin, and the books, differ."""
    rail.compare()
    with rail.container.reading() as session:
        return buffers.newest(session, COIN)[0].difference_minor
