"""Chains of accounts: several assets in one transaction, finality by the chain's word, and payments that fail."""

import pytest
from sqlalchemy.orm import Session

from domain.chain_facts import ChainOutput, OutPoint
from domain.ids import new_id
from domain.wallet_facts import Holding, SignedPayment
from models.payout import Payout
from services import addresses, assets, buffers, invariants, ledger, payouts, sweeps
from services.payouts.signing import add_form
from tests.services.accounts import BY, COIN, NOW, RAIL, TOKEN, UNIT, WALLET, Accounts, coin, paying, sent, txid


@pytest.fixture
def house(session: Session) -> Accounts:
    return Accounts(session)


def form_of(house: Accounts, payout: Payout) -> str:
    return payouts.forms_of(house.session, payout.id)[-1].txid


def test_one_transaction_pays_in_coin_and_tokens_and_each_is_its_own_deposit(house: Accounts) -> None:
    user_id = house.user()
    script = bytes(house.address(user_id).script)
    canonical, mirror = TOKEN.contracts[:2]
    fake = "0x" + "fa" * 20
    transaction = paying(
        coin(script, 3 * UNIT),
        ChainOutput(4, script, 5 * UNIT, canonical),
        ChainOutput(5, script, 7 * UNIT, mirror),
        ChainOutput(6, script, 9 * UNIT, fake),
        ChainOutput(7, script, 0, canonical),
    )
    assert house.block(transaction, final=house.height + 1) == 3
    assert house.balance(user_id, COIN) == (3 * UNIT, 0)
    assert house.balance(user_id, TOKEN.asset_id) == (12 * UNIT, 0)
    assert invariants.check(house.session) == []


def test_a_deposit_waits_until_the_chain_itself_calls_its_block_final(house: Accounts) -> None:
    user_id = house.user()
    script = bytes(house.address(user_id).script)
    house.block(paying(coin(script, UNIT)), final=house.height)
    for _ in range(5):
        house.block(final=101 - 1)
    assert [deposit.state for deposit in house.deposits()] == ["confirming"]
    house.block(final=101)
    assert [deposit.state for deposit in house.deposits()] == ["credited"]


def test_a_user_has_one_address_and_the_pool_goes_on_where_it_was(house: Accounts) -> None:
    user_id = house.user()
    first = house.address(user_id)
    again = addresses.issue(house.session, user_id=user_id, asset_id=TOKEN.asset_id, now=NOW, by=BY)
    assert (again.id, again.derivation_index) == (first.id, 0)
    assert addresses.next_index(house.session, RAIL.chain) == 1


def test_the_fee_of_a_token_payment_is_booked_in_coin_at_what_it_came_to(house: Accounts) -> None:
    user_id = house.user()
    house.fund(user_id, TOKEN.asset_id, TOKEN.contracts[0], 20 * UNIT)
    asked = house.withdraw(user_id, TOKEN.asset_id, 10 * UNIT)
    payout = house.sign(TOKEN.asset_id, 7, fee_minor=1_000)
    assert payouts.senders(house.session, RAIL.chain) == {WALLET}
    assert payouts.inputs_in_flight(house.session, RAIL.chain) == [(WALLET, 7)]
    house.block(sent(form_of(house, payout), 7, fee_minor=700), final=house.height + 1)
    assert (payout.state, payout.fee_asset_id, payout.fee_minor) == ("completed", COIN, 700)
    assert ledger.system_balance(house.session, "network_fees", COIN) == 700
    assert ledger.system_balance(house.session, "network_fees", TOKEN.asset_id) == 0
    assert house.balance(user_id, TOKEN.asset_id) == (10 * UNIT - asked.fee_minor, 0)
    assert invariants.check(house.session) == []


@pytest.mark.parametrize("why", ["reverted", "cancelled"])
def test_a_mined_payment_that_pays_nobody_gives_the_funds_back_once_final(house: Accounts, why: str) -> None:
    user_id = house.user()
    house.fund(user_id, TOKEN.asset_id, TOKEN.contracts[0], 20 * UNIT)
    house.withdraw(user_id, TOKEN.asset_id, 10 * UNIT)
    payout = house.sign(TOKEN.asset_id, 7)
    mined = form_of(house, payout)
    if why == "cancelled":
        mined = txid()
        cancelling = SignedPayment(mined, "0x", 1_200, 0, (OutPoint(WALLET, 7),), (), None)
        add_form(house.session, payout, cancelling, form=2, is_cancellation=True, now=NOW)
    before_final = house.height
    house.block(sent(mined, 7, succeeded=why == "cancelled"), final=before_final)
    assert (payout.state, payout.void_because) == ("confirming", why)
    available, held = house.balance(user_id, TOKEN.asset_id)
    assert held > 0
    house.block(final=house.height)
    assert (payout.state, payout.reason) == ("failed", why)
    assert house.balance(user_id, TOKEN.asset_id) == (20 * UNIT, 0)
    assert ledger.system_balance(house.session, "network_fees", COIN) == 700
    assert available < 20 * UNIT
    assert invariants.check(house.session) == []


def test_what_the_house_moves_onto_its_own_addresses_is_nobodys_deposit(house: Accounts) -> None:
    user_id = house.user()
    script = bytes(house.address(user_id).script)
    moved = paying(coin(script, UNIT))
    payout = Payout(
        id=new_id(), chain=RAIL.chain, asset_id=COIN, fee_asset_id=COIN, purpose="gas_top_up", state="signed",
        created_at=NOW, state_changed_at=NOW, lease_generation=0, attempts=0,
    )  # fmt: skip
    house.session.add(payout)
    house.session.flush()
    add_form(house.session, payout, SignedPayment(moved.txid, "0x", 1, 0, (), (), None), form=1, now=NOW)
    assert house.block(moved, final=house.height + 1) == 0
    assert house.deposits() == []


def test_holdings_are_compared_asset_by_asset_at_one_block(house: Accounts) -> None:
    user_id = house.user()
    house.fund(user_id, COIN, "", 50 * UNIT)
    house.fund(user_id, TOKEN.asset_id, TOKEN.contracts[0], 20 * UNIT)
    house.withdraw(user_id, TOKEN.asset_id, 10 * UNIT)
    payout = house.sign(TOKEN.asset_id, 7)

    def verdict(asset_id: str, wallet_minor: int, unswept_minor: int) -> str:
        asset = assets.get(house.session, asset_id)
        holding = Holding(wallet_minor, 0, 0, house.height, f"0x{house.height:064x}", unswept_minor)
        return buffers.compare(house.session, asset, holding, now=NOW).verdict

    # Signed and in no block: balances on this chain know nothing of it yet.
    assert verdict(TOKEN.asset_id, 0, 20 * UNIT) == "ok"
    assert verdict(COIN, 0, 50 * UNIT) == "ok"
    house.block(sent(form_of(house, payout), 7, fee_minor=700), final=100)
    assert payout.state == "confirming"
    assert verdict(TOKEN.asset_id, 10 * UNIT, 0) == "ok"
    assert verdict(COIN, 50 * UNIT - 700, 0) == "ok"
    assert verdict(COIN, 50 * UNIT, 0) == "mismatch"
    assert len(sweeps.unswept_addresses(house.session, RAIL.chain)) == 1
