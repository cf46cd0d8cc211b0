"""A rail under test: a container, a regtest node, and an outside wallet that pays and mines."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from domain.actor import Actor
from domain.bech32 import encode_segwit
from domain.ids import new_id
from domain.money import format_amount
from domain.networks import NETWORKS
from domain.ports import DescriptorChain, understands_descriptors
from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.user import User
from models.withdrawal import Withdrawal
from services import addresses, invariants, ledger, withdrawals
from services.chains import REORG_DEPTH_MAX
from tasks import buffers, chains, deposits, payouts
from tasks import withdrawals as withdrawal_tasks
from wiring.container import Container, build_container
from wiring.embedded.node import MATURE, MINER, NodeServer
from wiring.secret import Secret
from wiring.settings import ChainSettings, Settings

BY = Actor("test")
COIN = 100_000_000
POOL = 12
REWARDS = 100
OUTPUTS = 20
BURIED = REORG_DEPTH_MAX + 10


@dataclass
class Rail:
    """Moves real coins through Strongroom, step by step and in this process."""

    container: Container
    chain: DescriptorChain
    node: NodeServer

    @property
    def asset_id(self) -> str:
        return self.chain.network.asset_id

    def leave(self) -> None:
        """Close everything and unload the wallet, which would slow down every later block."""
        self.container.engine.dispose()
        wallet = self.container.settings.chains[0].wallet
        if wallet in self.node.call("listwallets"):
            self.node.call("unloadwallet", wallet)

    def new_user(self) -> UUID:
        user_id = new_id()
        with self.container.transaction() as session:
            session.add(User(id=user_id, public_key=f"02{user_id.hex}{user_id.hex}", created_at=self.container.now()))
        return user_id

    def new_address(self, user_id: UUID) -> DepositAddress:
        with self.container.transaction() as session:
            return addresses.issue(session, user_id=user_id, asset_id=self.asset_id, now=self.container.now(), by=BY)

    def watch(self) -> int:
        return chains.watch_chain(self.container, self.chain, BY)

    def credit(self) -> int:
        return deposits.credit_chain(self.container, self.chain.rail.chain, BY)

    def pay(self) -> int:
        return withdrawal_tasks.pay_chain(self.container, self.chain, BY)

    def send(self) -> int:
        return payouts.send_chain(self.container, self.chain, BY)

    def settle(self) -> int:
        return payouts.settle_chain(self.container, self.chain.rail.chain, BY)

    def compare(self) -> str:
        return buffers.compare_chain(self.container, self.chain)

    def fund(self, user_id: UUID, amount_minor: int) -> None:
        """Credit a user with this amount by a real deposit."""
        self.send_to(self.new_address(user_id).address, amount_minor)
        self.mine(6)
        self.watch()

    def request(self, user_id: UUID, amount_minor: int, destination: str | None = None) -> Withdrawal:
        with self.container.transaction() as session:
            return withdrawals.request(
                session,
                user_id=user_id,
                asset_id=self.asset_id,
                amount_minor=amount_minor,
                destination=destination or self.outside_address(),
                now=self.container.now(),
                by=BY,
            )

    # ------------------------------------------------------------------------------ the world outside

    def outside_address(self) -> str:
        return str(self.node.call("getnewaddress", wallet=MINER))

    def send_to(self, address: str, amount_minor: int) -> str:
        """Pay an address from outside; returns the transaction's id."""
        return str(self.node.call("sendtoaddress", address, self.spell(amount_minor), wallet=MINER))

    def mine(self, count: int = 1) -> list[str]:
        """Mine blocks; returns their hashes."""
        return list(self.node.call("generatetoaddress", count, nobody(self.node)))

    def received(self, address: str, confirmations: int = 0) -> int:
        """What an outside address received, in the smallest unit."""
        amount: Decimal = self.node.call("getreceivedbyaddress", address, confirmations, wallet=MINER)
        return int(amount * COIN)

    def spell(self, amount_minor: int) -> str:
        return format_amount(amount_minor, self.chain.network.decimals)

    # ------------------------------------------------------------------------------ what is on record

    def rows(self, model: type[Any]) -> Sequence[Any]:
        with self.container.reading() as session:
            return session.scalars(select(model).order_by(model.id)).all()

    def deposit(self) -> Deposit:
        [deposit] = self.rows(Deposit)
        assert isinstance(deposit, Deposit)
        return deposit

    def withdrawal(self) -> Withdrawal:
        [withdrawal] = self.rows(Withdrawal)
        assert isinstance(withdrawal, Withdrawal)
        return withdrawal

    def payout(self) -> Payout:
        [payout] = self.rows(Payout)
        assert isinstance(payout, Payout)
        return payout

    def count(self, model: type[Any]) -> int:
        with self.container.reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def balance(self, user_id: UUID) -> tuple[int, int]:
        """The user's available and held amounts, in the smallest unit."""
        with self.container.reading() as session:
            for balance in ledger.balances(session, user_id):
                if balance.asset_id == self.asset_id:
                    return balance.available_minor, balance.held_minor
        return 0, 0

    def assert_sound(self) -> None:
        """Every invariant holds."""
        with self.container.reading() as session:
            assert invariants.check(session) == []


def nobody(node: NodeServer) -> str:
    """A new address without a known key each time, for mining rewards.

    A wallet that owned them all would check each coin for each payment, and get slower with every block.
    """
    return encode_segwit(NETWORKS[node.chain].hrp, 0, secrets.token_bytes(20))


def make_miner_rich(node: NodeServer) -> None:
    """Give the outside wallet five thousand coins in few outputs, below more blocks than any test undoes."""
    node.ensure_wallet(MINER)
    node.call("generatetoaddress", REWARDS, node.call("getnewaddress", wallet=MINER))
    node.call("generatetoaddress", MATURE, nobody(node))
    parts = [str(node.call("getnewaddress", wallet=MINER)) for _ in range(OUTPUTS)]
    amount = format_amount(int(node.call("getbalance", wallet=MINER) * COIN) // OUTPUTS, NETWORKS[node.chain].decimals)
    node.call("sendmany", "", dict.fromkeys(parts, amount), 1, "", parts, wallet=MINER)
    node.call("generatetoaddress", BURIED, nobody(node))


def make_rail(settings: Settings, node: NodeServer) -> Rail:
    """A rail over this node with a fresh hot wallet and a filled pool, following the chain from its present tip."""
    wallet = f"hot-{new_id().hex}"
    rail = ChainSettings(chain=node.chain, rpc_url=Secret(node.rpc_url), wallet=wallet)
    container = build_container(replace(settings, chains=(rail,)))
    chain = container.chains[node.chain]
    assert understands_descriptors(chain)
    chain.ensure_wallet()
    chains.begin(container, chain)
    with container.transaction() as session:
        # Few, because making them is slow; the tests of the pool fill it.
        addresses.add_to_pool(session, node.chain, chain.new_addresses(POOL), now=container.now())
    return Rail(container, chain, node)
