"""A rail over the private chain: deposits, payouts and sweeps, step by step in this process."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from adapters.evm.chain import EvmChain
from domain.evm.networks import EVM_NETWORKS, WEI
from models.sweep import Sweep
from models.withdrawal import Withdrawal
from services import addresses, assets, ledger, withdrawals
from tasks import payouts, sweeps
from tasks.chains import begin
from tests.contracts import Contract
from tests.evm.world import PASSWORD, STRANGER, World
from tests.rail import BY, POOL, Rail
from tests.services import world as ways
from wiring.chain_settings import ChainSettings
from wiring.container import build_container
from wiring.secret import Secret
from wiring.settings import Settings

TOKEN = "tUSD.anvil"
COIN = "tETH"
UNIT = 10**6
A_WHILE = timedelta(minutes=11)


@dataclass
class EvmRail(Rail):
    """The steps of every rail, and those of account-based chains."""

    world: World

    @property
    def asset_id(self) -> str:
        return COIN

    @property
    def evm(self) -> EvmChain:
        return cast("EvmChain", self.chain)

    def add_token(self, name: str = "Honest") -> Contract:
        token = self.world.token(name)
        with self.container.transaction() as session:
            assets.add_token(
                session, EVM_NETWORKS["anvil"], token.address, symbol="tUSD", decimals=6, name="Test dollar",
                now=self.container.now(), by=BY,
            )  # fmt: skip
        ways.set_policy(self, confirmations=1, auto_limit_minor=10**30, minimum_minor=1, fee_minor=0)
        ways.set_asset(self, confirmation_tiers=[[None, 1]])
        return token

    def mine(self, count: int = 1) -> list[str]:
        self.world.anvil.mine(count)
        return []

    def watch_and_send(self) -> None:
        """Run all scheduled work, with every lease and back-off over."""
        ways.travel(self, A_WHILE)
        self.watch()
        self.credit()
        self.pay()
        self.sweep()
        self.send()
        payouts.bump_chain(self.container, self.chain, BY)
        self.settle()

    def sweep(self) -> int:
        return sweeps.sweep_chain(self.container, self.chain, BY)

    def rounds(self, count: int = 4) -> None:
        for _ in range(count):
            self.watch_and_send()
            self.mine()
        self.watch_and_send()

    def the_sweep(self) -> Sweep:
        [found] = self.rows(Sweep)
        assert isinstance(found, Sweep)
        return found

    def withdraw(self, user_id: UUID, asset_id: str, amount_minor: int, to: str = STRANGER) -> Withdrawal:
        with self.container.transaction() as session:
            return withdrawals.request(
                session, user_id=user_id, asset_id=asset_id, amount_minor=amount_minor, destination=to.lower(),
                now=self.container.now(), by=BY,
            )  # fmt: skip

    def owns(self, user_id: UUID, asset_id: str) -> tuple[int, int]:
        with self.container.reading() as session:
            for one in ledger.balances(session, user_id):
                if one.asset_id == asset_id:
                    return one.available_minor, one.held_minor
        return 0, 0

    def paid_in(self, token: Contract | None, amount_minor: int) -> tuple[UUID, str]:
        """A user with a deposit of this amount; returns their id and address."""
        user_id = self.new_user()
        address = self.new_address(user_id).address
        if token is None:
            self.world.anvil.pay(address, amount_minor)
        else:
            token.transfer(address, amount_minor)
        self.world.anvil.mine()
        self.watch()
        return user_id, address

    def fund_hot(self, minor: int = WEI) -> None:
        """Fund the hot wallet through the ledger: a user's deposit, swept."""
        self.world.fund(minor)


def make(settings: Settings, world: World, *urls: str) -> EvmRail:
    """A rail with this world's keys, following the chain from its present tip, with addresses ready."""
    configured = ChainSettings(
        chain="anvil",
        rpc_url=Secret(urls[0] if urls else world.anvil.rpc_url),
        xpub=world.deposits.public().write(),
        keystore=world.keystore,
        keystore_password=Secret(PASSWORD),
        sweep_keystore=world.sweep_keystore,
        sweep_keystore_password=Secret(PASSWORD),
    )
    container = build_container(replace(settings, chains=(configured,)))
    chain = container.chains["anvil"]
    chain.ensure_wallet()
    begin(container, chain)
    with container.transaction() as session:
        # Few, because deriving them is slow.
        addresses.add_to_pool(session, "anvil", chain.new_addresses(POOL), now=container.now())
    return EvmRail(container, cast("Any", chain), cast("Any", world.anvil), world)
