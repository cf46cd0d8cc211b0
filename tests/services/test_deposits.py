"""Deposits from first sight to credit: each counted once, whatever shows it first and however often."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models.chain import ChainBlock, ChainCursor, DepositAddress
from models.deposit import Deposit, FundingObservation
from models.ledger import LedgerTransaction
from services import addresses, chains
from services.balances import of_user
from services.deposits.matching import FILTERED_FROM
from tasks.addresses import refill_chain
from tests.rail import BY, COIN, POOL, Rail
from tests.services import world


def credits_posted(rail: Rail) -> int:
    with rail.container.reading() as session:
        query = select(func.count()).where(LedgerTransaction.kind == "deposit_credit")
        return session.scalar(query) or 0


def script_of(rail: Rail, address: str) -> bytes:
    with rail.container.reading() as session:
        return bytes(session.scalars(select(DepositAddress.script).where(DepositAddress.address == address)).one())


@pytest.fixture(autouse=True)
def tiers(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=world.TIERS)


def test_a_payment_is_seen_then_confirming_then_credited_and_each_step_is_on_record(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, 2 * COIN)
    rail.watch()
    deposit = rail.deposit()
    assert (deposit.txid, deposit.amount_minor, deposit.state) == (txid, 2 * COIN, "seen")
    rail.mine(2)
    rail.watch()
    assert rail.deposit().state == "confirming"
    rail.mine()
    rail.watch()
    assert rail.deposit().state == "credited"
    assert world.states(rail, deposit.flow_id) == ["seen", "confirming", "credited"]
    assert world.observed(rail, deposit.id) == [
        ("mempool", "mempool", 0),
        ("block", "confirming", 2),
        ("block", "confirmed", 3),
        ("ledger", "credited", 3),
    ]
    assert rail.balance(user_id) == (2 * COIN, 0)
    rail.assert_sound()


def test_a_payment_that_is_first_seen_in_a_block_is_credited(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.mine()
    rail.watch()
    assert world.states(rail, rail.deposit().flow_id) == ["confirming", "credited"]
    assert world.observed(rail, rail.deposit().id) == [("block", "confirmed", 1), ("ledger", "credited", 1)]


def test_a_payment_among_hundreds_of_strangers_is_credited_also_to_an_address_issued_meanwhile(rail: Rail) -> None:
    strangers = [(b"\x00\x14" + number.to_bytes(20), COIN // 1000) for number in range(FILTERED_FROM)]
    user_id = rail.new_user()
    for count in (1, 2):
        ours = script_of(rail, rail.new_address(user_id).address)
        world.send_outputs(rail, [*strangers[:50], (ours, COIN // 2), *strangers[50:]])
        rail.mine()
        rail.watch()
        assert rail.balance(user_id) == (count * COIN // 2, 0)
    rail.assert_sound()


def test_what_is_not_credited_yet_is_shown_and_is_not_in_the_balance(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, 2 * COIN)
    rail.watch()
    with rail.container.reading() as session:
        [funds] = of_user(session, user_id)
    assert (funds.available_minor, funds.on_its_way_minor) == (0, 2 * COIN)
    rail.mine(3)
    rail.watch()
    with rail.container.reading() as session:
        [funds] = of_user(session, user_id)
    assert (funds.available_minor, funds.on_its_way_minor) == (2 * COIN, 0)


def test_a_deposit_offered_by_mempool_block_rescan_and_fork_is_credited_once(rail: Rail) -> None:
    user_id = rail.new_user()
    start = world.cursor(rail)
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.watch()
    rail.watch()
    rail.mine()
    rail.watch()
    with rail.container.transaction() as session:  # an operator sets the cursor back by hand
        session.execute(update(ChainCursor).values(height=start.height, hash=start.hash))
    rail.watch()
    world.fork(rail, 1, txid)
    rail.watch()
    rail.credit()
    assert rail.count(Deposit) == 1
    assert rail.balance(user_id) == (COIN // 2, 0)
    rail.assert_sound()


def test_a_rescan_alone_changes_nothing(rail: Rail) -> None:
    user_id = rail.new_user()
    start = world.cursor(rail)
    rail.fund(user_id, COIN // 2)
    with rail.container.transaction() as session:
        session.execute(update(ChainCursor).values(height=start.height, hash=start.hash))
    before = rail.count(Deposit), rail.deposit().flow_id, credits_posted(rail)
    rail.watch()
    assert world.cursor(rail).height == world.height(rail)
    assert (rail.count(Deposit), rail.deposit().flow_id, credits_posted(rail)) == before
    assert world.states(rail, before[1]) == ["confirming", "credited"]


def test_each_output_to_one_address_in_one_transaction_is_a_deposit(rail: Rail) -> None:
    user_id = rail.new_user()
    address = rail.new_address(user_id)
    world.send_outputs(rail, [(address.script, COIN // 10), (address.script, COIN // 10), (address.script, COIN // 5)])
    rail.watch()
    rail.mine()
    rail.watch()
    assert rail.count(Deposit) == 3
    assert rail.balance(user_id) == (2 * COIN // 5, 0)
    rail.assert_sound()


def test_one_transaction_pays_many_users(rail: Rail) -> None:
    users = [rail.new_user() for _ in range(8)]
    outputs = [(rail.new_address(user_id).script, COIN // 100 * place) for place, user_id in enumerate(users, 1)]
    world.send_outputs(rail, outputs)
    rail.mine()
    rail.watch()
    assert [rail.balance(user_id)[0] for user_id in users] == [amount for _, amount in outputs]
    assert credits_posted(rail) == 8


def test_an_amount_below_the_minimum_stays_on_record_and_is_never_credited(rail: Rail) -> None:
    world.set_asset(rail, minimum_deposit_minor=COIN // 10)
    user_id = rail.new_user()
    txid = world.send_replaceable(rail, rail.new_address(user_id).address, COIN // 20)
    rail.watch()
    assert rail.deposit().state == "below_minimum"
    rail.mine(7)
    rail.watch()
    deposit = rail.deposit()
    assert (deposit.txid, deposit.state) == (txid, "below_minimum")
    assert deposit.block_hash is not None
    assert rail.balance(user_id) == (0, 0)
    assert rail.compare() == "ok"


def test_an_amount_below_the_minimum_is_still_too_small_after_it_was_replaced_and_came_back(rail: Rail) -> None:
    world.set_asset(rail, minimum_deposit_minor=COIN // 10)
    user_id = rail.new_user()
    txid = world.send_replaceable(rail, rail.new_address(user_id).address, COIN // 20)
    original = rail.node.call("getrawtransaction", txid)
    rail.watch()
    world.submit(rail, world.conflicting(rail, txid, rail.outside_address()))
    rail.watch()
    assert rail.deposit().state == "replaced"
    world.mine_holding(rail, original, count=3)  # a miner who never saw the replacement
    rail.watch()
    assert rail.deposit().state == "below_minimum"
    assert rail.balance(user_id) == (0, 0)


def test_the_amount_decides_how_many_confirmations_are_needed(rail: Rail) -> None:
    needed = {COIN // 2: 1, COIN: 3, 10 * COIN: 6}
    for amount in needed:
        rail.send_to(rail.new_address(rail.new_user()).address, amount)
    credited_at: dict[int, int] = {}
    for depth in range(1, 7):
        rail.mine()
        rail.watch()
        for deposit in rail.rows(Deposit):
            if deposit.state == "credited":
                credited_at.setdefault(int(deposit.amount_minor), depth)
    assert credited_at == needed


def test_an_amount_needs_its_confirmations_however_it_is_split(rail: Rail) -> None:
    user_id = rail.new_user()
    script = script_of(rail, rail.new_address(user_id).address)
    half = COIN * 6 // 10
    world.send_outputs(rail, [(script, half), (script_of(rail, rail.new_address(user_id).address), half)])
    rail.mine()
    rail.watch()
    assert [(row.state, row.confirmations_needed) for row in rail.rows(Deposit)] == [("confirming", 3)] * 2
    world.send_outputs(rail, [(script, 9 * COIN)])
    rail.mine()
    rail.watch()
    assert [(row.state, row.confirmations_needed) for row in rail.rows(Deposit)] == [("confirming", 6)] * 3
    rail.mine(5)
    rail.watch()
    assert rail.balance(user_id) == (9 * COIN + 2 * half, 0)
    rail.assert_sound()


def test_an_amount_needs_its_confirmations_however_many_accounts_it_is_paid_to(rail: Rail) -> None:
    amounts = [COIN * 2 // 10, COIN * 3 // 10, COIN * 4 // 10, COIN * 4 // 10, COIN * 9]
    scripts = [script_of(rail, rail.new_address(rail.new_user()).address) for _ in amounts]
    for output in zip(scripts, amounts, strict=True):
        world.send_outputs(rail, [output])
    rail.mine()
    rail.watch()
    needed = sorted((int(row.amount_minor), row.confirmations_needed) for row in rail.rows(Deposit))
    # Smallest first: 0.2, 0.5 and 0.9 are less than one coin, 1.3 is not, and 10.3 are more than ten.
    assert needed == list(zip(amounts, [1, 1, 1, 3, 6], strict=True))
    rail.mine(5)
    rail.watch()
    assert {row.state for row in rail.rows(Deposit)} == {"credited"}
    rail.assert_sound()


def test_a_coinbase_paid_to_a_user_needs_a_hundred_confirmations(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.node.call("generatetoaddress", 1, rail.new_address(user_id).address)
    rail.mine(98)
    rail.watch()
    assert rail.deposit().state == "confirming"
    rail.mine()
    rail.watch()
    assert rail.deposit().state == "credited"
    assert rail.compare() == "ok"


def test_a_replaced_payment_is_shown_as_replaced_and_its_replacement_is_credited(rail: Rail) -> None:
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    old = world.send_replaceable(rail, address, COIN // 2)
    rail.watch()
    new = world.submit(rail, world.conflicting(rail, old, address))
    rail.watch()
    found = world.deposits(rail)
    assert (found[old].state, found[old].replaced_by, found[new].state) == ("replaced", new, "seen")
    rail.mine(6)
    rail.watch()
    found = world.deposits(rail)
    assert (found[old].state, found[new].state) == ("replaced", "credited")
    assert rail.balance(user_id) == (found[new].amount_minor, 0)
    assert rail.compare() == "ok"


def test_a_double_spend_that_confirms_in_a_block_replaces_the_payment(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.watch()
    world.mine_holding(rail, world.conflicting(rail, txid, rail.outside_address()))
    rail.watch()
    deposit = rail.deposit()
    assert deposit.state == "replaced"
    assert deposit.replaced_by is not None
    assert world.states(rail, deposit.flow_id) == ["seen", "replaced"]
    assert rail.balance(user_id) == (0, 0)
    assert rail.compare() == "ok"


def test_a_replaced_payment_that_confirms_after_all_is_credited(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = world.send_replaceable(rail, rail.new_address(user_id).address, COIN // 2)
    original = rail.node.call("getrawtransaction", txid)
    rail.watch()
    world.submit(rail, world.conflicting(rail, txid, rail.outside_address()))
    rail.watch()
    world.mine_holding(rail, original)
    rail.watch()
    deposit = rail.deposit()
    assert (deposit.state, deposit.replaced_by) == ("credited", None)
    assert world.states(rail, deposit.flow_id) == ["seen", "replaced", "confirming", "credited"]
    assert rail.balance(user_id) == (COIN // 2, 0)


def test_a_payment_that_left_the_mempool_for_good_is_not_shown_for_ever(rail: Rail) -> None:
    """It spends the change of a payment that its sender replaces: nothing else spends its own inputs."""
    user_id = rail.new_user()
    parent = world.send_replaceable(rail, rail.outside_address(), COIN)
    child = world.submit(rail, world.child_of(rail, parent, rail.new_address(user_id).address))
    rail.watch()
    world.travel(rail, timedelta(minutes=5))
    rail.watch()
    assert rail.deposit().state == "seen"
    world.submit(rail, world.conflicting(rail, parent, rail.outside_address()))
    assert child not in rail.node.call("getrawmempool")
    rail.watch()
    assert rail.deposit().state == "seen"  # the mempool of a node that has just started is empty, too
    world.travel(rail, timedelta(seconds=61))
    rail.watch()
    deposit = rail.deposit()
    assert (deposit.state, deposit.replaced_by) == ("replaced", None)
    assert world.states(rail, deposit.flow_id) == ["seen", "replaced"]
    with rail.container.reading() as session:
        [funds] = of_user(session, user_id)
    assert funds.on_its_way_minor == 0
    assert rail.compare() == "ok"


def test_a_late_payment_to_an_old_address_is_credited(rail: Rail) -> None:
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    for _ in range(3):
        rail.send_to(address, COIN // 10)
        rail.new_address(user_id)
        rail.mine()
        rail.watch()
    rail.mine(150)
    rail.watch()
    rail.send_to(address, COIN // 10)
    rail.mine()
    rail.watch()
    assert rail.balance(user_id) == (4 * COIN // 10, 0)


def test_a_payment_to_an_address_that_nobody_was_given_is_nobodys(rail: Rail) -> None:
    with rail.container.reading() as session:
        found = session.scalar(select(DepositAddress.address).limit(1))
    rail.send_to(str(found), COIN // 2)
    rail.mine()
    rail.watch()
    assert rail.count(Deposit) == 0
    assert rail.compare() == "mismatch"


def test_the_pool_gives_every_address_once_and_then_says_by_name_that_it_is_empty(
    rail: Rail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "POOL_TARGET", 2 * POOL)
    given = [rail.new_address(rail.new_user()).address for _ in range(POOL)]
    assert len(set(given)) == POOL
    user_id = rail.new_user()
    with pytest.raises(addresses.AddressPoolEmpty):
        rail.new_address(user_id)
    assert refill_chain(rail.container, rail.chain) == addresses.POOL_TARGET
    assert rail.new_address(user_id).address not in given


def test_addresses_are_issued_while_the_node_is_down(rail: Rail) -> None:
    user_id = rail.new_user()
    with world.reached_at(rail, world.elsewhere(rail, "http://a:b@127.0.0.1:9")):
        assert rail.new_address(user_id).user_id == user_id
        assert refill_chain(rail.container, rail.chain) == 0


def test_nobody_hoards_unused_addresses(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "UNUSED_MAX", 2)
    user_id = rail.new_user()
    rail.new_address(user_id)
    rail.send_to(rail.new_address(user_id).address, COIN // 2)
    with pytest.raises(addresses.TooManyUnusedAddresses):
        rail.new_address(user_id)
    rail.watch()
    rail.new_address(user_id)


def test_several_hundred_blocks_are_caught_up_in_batches_and_none_is_skipped(rail: Rail) -> None:
    user_id = rail.new_user()
    start = world.height(rail)
    paid = 0
    for _ in range(4):
        rail.send_to(rail.new_address(user_id).address, COIN // 10)
        rail.mine(75)
        paid += COIN // 10
    rail.watch()
    cursor = world.cursor(rail)
    assert (cursor.height, cursor.hash) == (start + 300, rail.node.call("getbestblockhash"))
    assert rail.balance(user_id) == (paid, 0)
    with rail.container.reading() as session:
        kept = session.scalars(select(ChainBlock.height).order_by(ChainBlock.height)).all()
    assert list(kept) == list(range(cursor.height - chains.BLOCKS_KEPT, cursor.height + 1))


def test_a_gap_of_two_blocks_is_never_accepted(rail: Rail) -> None:
    hashes = rail.mine(3)
    rail.watch()
    after = rail.mine(3)
    with rail.container.transaction() as session:
        claimed = chains.claim(session, rail.chain.network.chain, owner="test", now=rail.container.now())
    assert claimed is not None
    [late] = rail.chain.blocks(after[2:])
    with pytest.raises(chains.ForkDetected), rail.container.transaction() as session:
        chains.advance(
            session,
            rail.chain.rail.chain,
            [late],
            generation=claimed.lease_generation,
            tip_height=late.height,
            now=rail.container.now(),
            by=BY,
        )
    assert world.cursor(rail).hash == hashes[-1]


def test_observations_are_append_only_and_carry_what_the_operations_specification_asks(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.watch()
    rail.mine()
    rail.watch()
    deposit = rail.deposit()
    with rail.container.reading() as session:
        rows = session.scalars(select(FundingObservation).order_by(FundingObservation.recorded_at)).all()
    assert {(row.account_id, row.tx_hash, row.funding_handle, row.amount) for row in rows} == {
        (user_id, txid, deposit.address, COIN // 2)
    }
    assert [row.credited_at is None for row in rows] == [True, True, False]
    with pytest.raises(Exception, match=r"append-only|permission denied"), rail.container.transaction() as session:
        session.execute(update(FundingObservation).values(amount=1))
