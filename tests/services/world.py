"""Events outside the installation: conflicting payments, forks, passing time, changing policies."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from adapters.bitcoin.transactions import unsigned_transaction
from domain.ports import DescriptorChain, understands_descriptors
from models.asset import Asset, WithdrawalPolicy
from models.chain import ChainCursor
from models.deposit import Deposit, FundingObservation
from models.flow import Flow, FlowEvent
from services import alerts
from tests.rail import COIN, Rail, nobody
from wiring.chains import build_chains
from wiring.embedded.node import MINER
from wiring.secret import Secret
from wiring.settings import ChainSettings

FEE = COIN // 1000
TIERS = [[COIN, 1], [10 * COIN, 3], [None, 6]]

# ---------------------------------------------------------------------------------------------- time and rules


def travel(rail: Rail, by: timedelta) -> None:
    """Advance the rail's clock from now on."""
    clock = rail.container.clock
    rail.container = replace(rail.container, clock=lambda: clock() + by)


def stop_the_clock(rail: Rail) -> None:
    """Stop the rail's clock, so that no day ends while its withdrawals are counted."""
    now = rail.container.now()
    rail.container = replace(rail.container, clock=lambda: now)


def set_asset(rail: Rail, **values: Any) -> None:
    with rail.container.transaction() as session:
        session.execute(update(Asset).values(**values))


def set_policy(rail: Rail, **values: Any) -> None:
    with rail.container.transaction() as session:
        session.execute(update(WithdrawalPolicy).values(**values))


# ------------------------------------------------------------------------------------------------- payments in


def send_replaceable(rail: Rail, address: str, amount_minor: int) -> str:
    """Pay an address with a transaction that every node lets its sender replace."""
    txid: str = rail.node.call("sendtoaddress", address, rail.spell(amount_minor), "", "", False, True, wallet=MINER)
    return txid


def send_outputs(rail: Rail, outputs: Sequence[tuple[bytes, int]]) -> str:
    """Send one transaction with exactly these (script, amount) outputs, and change."""
    funded = rail.node.call("fundrawtransaction", unsigned_transaction([], list(outputs)), wallet=MINER)
    signed = rail.node.call("signrawtransactionwithwallet", funded["hex"], wallet=MINER)
    txid: str = rail.node.call("sendrawtransaction", signed["hex"])
    return txid


def conflicting(rail: Rail, txid: str, address: str, *, wallet: str = MINER) -> str:
    """A signed transaction to this address that spends all inputs of another one, for a higher fee."""
    raw = rail.node.call("gettransaction", txid, wallet=wallet)["hex"]
    return spending(rail, raw, address, wallet=wallet)


def spending(rail: Rail, raw_tx: str, address: str, *, wallet: str = MINER) -> str:
    """The same, given the other transaction itself."""
    decoded = rail.node.call("decoderawtransaction", raw_tx)
    inputs = [{"txid": spent["txid"], "vout": spent["vout"]} for spent in decoded["vin"]]
    total = sum(int(output["value"] * COIN) for output in decoded["vout"])
    unsigned = rail.node.call("createrawtransaction", inputs, {address: rail.spell(total - FEE)})
    signed = rail.node.call("signrawtransactionwithwallet", unsigned, wallet=wallet)
    assert signed["complete"]
    raw: str = signed["hex"]
    return raw


def child_of(rail: Rail, parent: str, address: str) -> str:
    """A signed transaction that pays an address from the largest output of an unconfirmed one."""
    decoded = rail.node.call("decoderawtransaction", rail.node.call("getrawtransaction", parent))
    largest = max(decoded["vout"], key=lambda output: output["value"])
    left = int(largest["value"] * COIN) - FEE // 10
    spent = [{"txid": parent, "vout": largest["n"]}]
    unsigned = rail.node.call("createrawtransaction", spent, {address: rail.spell(left)})
    raw: str = rail.node.call("signrawtransactionwithwallet", unsigned, wallet=MINER)["hex"]
    return raw


def submit(rail: Rail, raw_tx: str) -> str:
    txid: str = rail.node.call("sendrawtransaction", raw_tx)
    return txid


# -------------------------------------------------------------------------------------------------- the chain


def mine_holding(rail: Rail, *transactions: str, count: int = 1) -> None:
    """Mine blocks of which the first holds exactly these (ids or raw transactions) and the others nothing."""
    for place in range(count):
        rail.node.call("generateblock", nobody(rail.node), list(transactions) if place == 0 else [])


def height(rail: Rail) -> int:
    found: int = rail.node.call("getblockcount")
    return found


def drop_blocks(rail: Rail, count: int) -> str:
    """Disconnect the newest blocks; their transactions return to the mempool. Returns the first."""
    dropped: str = rail.node.call("getblockhash", height(rail) - count + 1)
    rail.node.call("invalidateblock", dropped)
    return dropped


def fork(rail: Rail, depth: int, *transactions: str) -> None:
    """Replace the newest blocks by one more, of which the first holds exactly these transactions."""
    drop_blocks(rail, depth)
    mine_holding(rail, *transactions, count=depth + 1)


def elsewhere(rail: Rail, url: str, chain: str | None = None) -> DescriptorChain:
    """The rail's chain, or another one, at another address."""
    name = chain or rail.chain.network.chain
    found = build_chains((ChainSettings(chain=name, rpc_url=Secret(url), wallet="nowhere"),))[name]
    assert understands_descriptors(found)
    return found


@contextmanager
def reached_at(rail: Rail, chain: DescriptorChain) -> Iterator[None]:
    """Use another adapter for the rail's chain within the block."""
    usual, rail.chain = rail.chain, chain
    yield
    rail.chain = usual


# --------------------------------------------------------------------------------------------- what is on record


def cursor(rail: Rail) -> ChainCursor:
    with rail.container.reading() as session:
        return session.get_one(ChainCursor, rail.chain.rail.chain)


def deposits(rail: Rail) -> Mapping[str, Deposit]:
    """All deposits by transaction; for several in one, the last."""
    return {deposit.txid: deposit for deposit in rail.rows(Deposit)}


def observed(rail: Rail, deposit_id: UUID) -> list[tuple[str, str, int]]:
    """(source, status, confirmations) of all observations of a deposit, oldest first."""
    query = (
        select(FundingObservation.source, FundingObservation.status, FundingObservation.confirmations)
        .where(FundingObservation.deposit_id == deposit_id)
        .order_by(FundingObservation.recorded_at, FundingObservation.funding_observation_id)
    )
    with rail.container.reading() as session:
        return [(source, status, depth) for source, status, depth in session.execute(query)]


def states(rail: Rail, flow_id: UUID) -> list[str]:
    """Every recorded state of a flow, oldest first; notes repeat the state. Asserts that the events are chained."""
    with rail.container.reading() as session:
        flow = session.get_one(Flow, flow_id)
        events = session.scalars(select(FlowEvent).where(FlowEvent.group_id == flow_id).order_by(FlowEvent.id)).all()
    assert [event.from_state for event in events] == [None, *[event.state for event in events[:-1]]]
    assert events[-1].state == flow.state
    return [event.state for event in events]


def notes(rail: Rail, flow_id: UUID) -> list[dict[str, Any]]:
    """The details of a flow's notes."""
    with rail.container.reading() as session:
        events = session.scalars(select(FlowEvent).where(FlowEvent.group_id == flow_id).order_by(FlowEvent.id)).all()
    return [event.detail for event in events if event.from_state == event.state]


def standing(rail: Rail) -> dict[str, str]:
    """The standing alerts with their severity."""
    with rail.container.reading() as session:
        return {alert.alert_code: alert.severity for alert in alerts.standing(session)}


def total_credited(rail: Rail) -> int:
    """The total that deposits credited to users, less reversals."""
    with rail.container.reading() as session:
        rows = session.execute(select(Deposit.amount_minor).where(Deposit.state == "credited")).scalars()
        return sum(int(amount) for amount in rows)
