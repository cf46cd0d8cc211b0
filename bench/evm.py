"""How fast blocks of an account-based chain are caught up with, next to how fast the node answers the same calls."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from adapters.evm.client import EvmClient
from adapters.evm.coding import WORD, balance_data, transfer_data
from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.receipts import BLOCKS_PER_CALL
from adapters.evm.source import HASHES_PER_CALL_MAX
from adapters.evm.transport import Call
from bench.world import ROOT, World
from domain.actor import Actor
from domain.evm.networks import EVM_NETWORKS, WEI
from domain.ids import new_id
from models.user import User
from services import addresses, assets, chains
from tasks import addresses as address_tasks
from tasks import chains as chain_tasks
from tasks.block_reader import Reader
from tasks.runtime import worker_name
from wiring.chain_settings import ChainSettings
from wiring.container import Container
from wiring.embedded.anvil import CHAIN, AnvilServer
from wiring.embedded.anvil_keys import ensure_keys
from wiring.secret import Secret

BLOCKS: Final = 60
"""In each round."""
TRANSFERS: Final = 20
"""In each block; one moves our token to somebody of ours in each tenth block, the others a token that is not money."""
PAID_EVERY: Final = 10
ROUNDS: Final = 3
GAS: Final = 120_000
CODE: Final = ROOT / "deploy" / "test_token" / "TestDollar.hex"
STRANGER: Final = bytes.fromhex("00" * 18 + "beef")
_RAIL: Final = EVM_NETWORKS[CHAIN]
_BY: Final = Actor("bench")


def evm_catch_up(world: World) -> dict[str, float]:
    """Blocks per second recorded ÷ blocks per second that the same calls alone give, in turns: the median."""
    with _followed(world) as followed:
        pairs = []
        for _ in range(ROUNDS):
            start, paid = followed.height(), followed.mine()
            # The node alone before and after, so that neither side finds it warmer than the other does.
            before, recorded, after = followed.alone(start, paid), followed.recorded(), followed.alone(start, paid)
            pairs.append(((before + after) / 2, recorded))
    return {
        "evm_catch_up": median(recorded / alone for alone, recorded in pairs),
        "evm_catch_up_blocks_per_s": median(recorded for _, recorded in pairs),
        "evm_catch_up_floor_blocks_per_s": median(alone for alone, _ in pairs),
    }


@dataclass
class _Followed:
    """A private chain, a house that follows it, and a client that only asks."""

    anvil: AnvilServer
    container: Container
    client: EvmClient
    token: str
    fake: str
    ours: bytes
    """The address of somebody here."""

    def height(self) -> int:
        return int(self.anvil.call("eth_blockNumber"), 16)

    def mine(self) -> set[int]:
        """More blocks; the heights of those that pay us."""
        paid = set()
        for number in range(BLOCKS):
            pays = number % PAID_EVERY == 0
            for _ in range(TRANSFERS - pays):
                _send(self.anvil, self.fake, STRANGER, 1)
            if pays:
                _send(self.anvil, self.token, self.ours, 10**6)
            self.anvil.mine()
            paid |= {self.height()} if pays else set()
        return paid

    def alone(self, start: int, paid: set[int]) -> float:
        """The calls of catching up, and nothing done with the answers."""
        began = time.perf_counter()
        heights = range(start, start + HASHES_PER_CALL_MAX)
        headers = self.client.read_batch([Call("eth_getBlockByNumber", (hex(one), False)) for one in heights])
        hashes = [header["hash"] for header in headers if header is not None]
        for first in range(1, len(hashes), BLOCKS_PER_CALL):
            some = hashes[first : first + BLOCKS_PER_CALL]
            self.client.read_batch([call for one in some for call in _questions(one)])
        for height in paid:
            here = hashes[height - start - 1 : height - start + 1]
            asked = {"to": self.token, "data": "0x" + balance_data(self.ours).hex()}
            self.client.read_batch([Call("eth_call", (asked, {"blockHash": one})) for one in here])
        return (len(hashes) - 1) / (time.perf_counter() - began)

    def recorded(self) -> float:
        """Everything that a worker does with the same blocks, but for crediting."""
        chain = self.container.chains[CHAIN]
        with self.container.transaction() as session:
            cursor = chains.claim(session, CHAIN, owner=worker_name(), now=self.container.now())
        if cursor is None:
            raise RuntimeError("somebody else reads the chain")
        tip = chain.tip()
        reader = Reader(self.container, chain, cursor.lease_generation, _BY)
        began = time.perf_counter()
        found = reader.catch_up(cursor.height, cursor.hash, tip)
        elapsed = time.perf_counter() - began
        if found != BLOCKS // PAID_EVERY:
            raise RuntimeError(f"{found} payments were found")
        with self.container.transaction() as session:
            now = self.container.now()
            chains.finish(session, CHAIN, generation=reader.generation, tip_height=tip.height, now=now)
        return (tip.height - cursor.height) / elapsed


@contextmanager
def _followed(world: World) -> Iterator[_Followed]:
    anvil = AnvilServer(world.directory / "anvil", keeps_state=False)
    anvil.start()
    try:
        anvil.ensure_funds()
        anvil.mines_at_once = False
        house = world.house("evm_catching_up")
        configured = _configured(anvil, world.directory / "anvil-keys")
        house = replace(house, settings=replace(house.settings, chains=(configured,)))
        client = EvmClient(EvmEndpoint((anvil.rpc_url,)), _RAIL)
        with house.container() as container:
            token, fake = _deployed(anvil), _deployed(anvil)
            yield _Followed(anvil, container, client, token, fake, _somebody(container, token))
        client.close()
    finally:
        anvil.stop()


def _configured(anvil: AnvilServer, home: Path) -> ChainSettings:
    keys = ensure_keys(home)
    return ChainSettings(
        CHAIN, Secret(anvil.rpc_url), xpub=keys.xpub, keystore=keys.keystore, keystore_password=keys.password
    )


def _somebody(container: Container, token: str) -> bytes:
    """A user's address; following begins here."""
    chain = container.chains[CHAIN]
    chain.ensure_wallet()
    chain_tasks.begin(container, chain)
    address_tasks.refill_chain(container, chain)
    now, user_id = container.now(), new_id()
    with container.transaction() as session:
        assets.add_token(
            session, _RAIL, token, symbol="tUSD", decimals=6, name="Test dollar", now=now, by=_BY
        )  # fmt: skip
        session.add(User(id=user_id, public_key=f"02{user_id.hex}{user_id.hex}", created_at=now))
        session.flush()
        issued = addresses.issue(session, user_id=user_id, asset_id=_RAIL.coin.asset_id, now=now, by=_BY)
    return bytes.fromhex(issued.address[2:])


def _deployed(anvil: AnvilServer) -> str:
    """A new token, all of it the outsider's."""
    txid = anvil.send(None, data=CODE.read_text().strip() + WEI.to_bytes(WORD).hex())
    anvil.mine()
    return str(anvil.call("eth_getTransactionReceipt", txid)["contractAddress"])


def _send(anvil: AnvilServer, token: str, to: bytes, amount_minor: int) -> None:
    data = "0x" + transfer_data(to, amount_minor).hex()
    asked: dict[str, Any] = {"from": anvil.outsider(), "to": token, "data": data, "gas": hex(GAS)}
    anvil.call("eth_sendTransaction", asked)


def _questions(block_hash: str) -> tuple[Call, Call]:
    return Call("eth_getBlockByHash", (block_hash, True)), Call("eth_getBlockReceipts", (block_hash,))
