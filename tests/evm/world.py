"""A private chain with a hot wallet and deposit addresses of its own for each test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.evm.chain import EvmChain
from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.keys import AccountKey, ExtendedPrivateKey
from adapters.evm.keystore import seal
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from domain.evm.networks import EVM_NETWORKS, WEI, EvmNetwork
from domain.wallet_facts import Payment, SignedPayment
from tests.contracts import Contract
from wiring.embedded.anvil import AnvilServer

PASSWORD = "only for tests"
QUICK = 1 << 12
"""Scrypt parameters that take no time."""
CAP = WEI // 100
STRANGER = "0x00000000000000000000000000000000DeaDBeef"
ANVIL = EVM_NETWORKS["anvil"]


class World:
    """One test's view of the shared chain, with new keys, so that other tests' transactions do not appear."""

    def __init__(self, anvil: AnvilServer, folder: Path) -> None:
        self.anvil = anvil
        self.hot = AccountKey.generate()
        self.deposits = ExtendedPrivateKey.generate()
        self.keystore = folder / "hot.json"
        self.sweep_keystore = folder / "sweep.json"
        self.keystore.write_text(seal(self.hot.secret, PASSWORD, strength=QUICK))
        self.sweep_keystore.write_text(seal(self.deposits.write().encode(), PASSWORD, strength=QUICK))
        self._reached: list[EvmChain] = []
        self.chain = self.reached_at(anvil.rpc_url)

    def reached_at(self, *urls: str, network: EvmNetwork = ANVIL, **changes: Any) -> EvmChain:
        """The same wallet over these nodes."""
        facts: dict[str, Any] = {
            "urls": urls,
            "keystore": self.keystore,
            "keystore_password": PASSWORD,
            "deposit_xpub": self.deposits.public().write(),
            "sweep_keystore": self.sweep_keystore,
            "sweep_password": PASSWORD,
            "timeout_s": 10.0,
        }
        made = EvmChain(EvmEndpoint(**(facts | changes)), network)
        self._reached.append(made)
        return made

    def close(self) -> None:
        for chain in self._reached:
            chain.close()

    @property
    def account(self) -> str:
        return self.chain.account

    def fund(self, minor: int = 10 * WEI) -> None:
        self.anvil.call("anvil_setBalance", self.hot.address, hex(minor))

    def token(self, name: str = "Honest", supply: int = 10**12) -> Contract:
        self.last_token = Contract(self.anvil, name, ["uint256"], supply)
        return self.last_token

    def height(self) -> int:
        return int(self.anvil.call("eth_blockNumber"), 16)

    def block(
        self, contracts: Sequence[str] = (), *, chain: EvmChain | None = None, height: int | None = None
    ) -> Block:
        """A block, by default the newest, as the adapter returns it."""
        chain = chain or self.chain
        known = {contract.lower(): contract.lower() for contract in contracts}
        hashes = chain.block_hashes(self.height() if height is None else height, 1)
        [block] = chain.blocks(hashes, contracts=known, senders=[self.account])
        return block

    def outputs(self, contracts: Sequence[str] = (), **options: Any) -> list[ChainOutput]:
        """All outputs of a block, by default the newest."""
        return [output for one in self.block(contracts, **options).transactions for output in one.outputs]

    def build(self, to: str, minor: int, contract: str = "", avoid: Sequence[OutPoint] = ()) -> SignedPayment:
        return self.chain.build([Payment(to, minor, contract)], fee_max_minor=CAP, avoid=avoid)

    def send(self, payment: SignedPayment) -> str:
        """Broadcast it, and mine it if the chain mines automatically."""
        outcome = self.chain.broadcast(payment.raw_tx).outcome
        if self.anvil.mines_at_once:
            self.anvil.mine()
        return outcome

    def own_transaction(self) -> ChainTransaction:
        """Our only transaction in the newest block."""
        [own] = [one for one in self.block().transactions if one.spends]
        return own

    def balance(self, address: str) -> int:
        return int(self.anvil.call("eth_getBalance", address, "latest"), 16)
