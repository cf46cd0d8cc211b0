"""The world outside the house: the rails on which money comes in and goes out, and what arrived there."""

import random
import secrets
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable

from bitcoinrpc.authproxy import JSONRPCException

from adapters.evm.coding import transfer_data
from cli.token_story import COIN as ACCOUNT_COIN
from cli.token_story import TOKEN, payload
from domain.networks import NETWORKS
from drill.journal import Journal
from tests.fakes.circle import Delivery, FakeCircle
from tests.fakes.flutterwave import FakeFlutterwave
from wiring.embedded.anvil import AnvilServer
from wiring.embedded.node import MINER, NodeServer

CUSTODIAN: Final = "circle-sandbox"
DOLLAR: Final = "tUSDC.circle-sandbox"
BANK: Final = "flutterwave-test"
NAIRA: Final = "tNGN.flutterwave-test"
COIN_MINOR: Final = 10**8
MICRO: Final = 10**6
DEEP: Final = 6
"""So many blocks are never undone here."""
FAILS: Final = 0.1
"""Of the payments that providers are asked for, this share they refuse in the end."""


class Rail(Protocol):
    """One way for money to leave the house."""

    asset_ids: tuple[str, ...]

    def destination(self) -> str:
        """Somewhere to pay to that nobody has paid to before."""
        ...

    def received(self, destination: str, asset_id: str) -> list[int]:
        """Every payment that arrived there."""
        ...

    def go_on(self) -> None:
        """Let a moment pass: blocks are mined, providers decide."""
        ...


@runtime_checkable
class IncomingRail(Rail, Protocol):
    """One by which money also comes in."""

    def pay_in(self, address: str, asset_id: str, amount_minor: int) -> str:
        """Somebody pays an address of the house. Returns what the house will know it by."""
        ...


class CoinRail:
    """A chain of the Bitcoin family."""

    def __init__(self, node: NodeServer) -> None:
        self.node = node
        self._unmined: list[str] = []
        self.asset_ids: tuple[str, ...] = (NETWORKS[node.chain].asset_id,)

    def pay_in(self, address: str, asset_id: str, amount_minor: int) -> str:  # noqa: ARG002 - it has one asset
        """As `IncomingRail`."""
        txid = self.node.pay(address, f"{Decimal(amount_minor).scaleb(-8):f}")
        self._unmined.append(txid)
        return txid

    def destination(self) -> str:
        """As `Rail`."""
        return str(self.node.call("getnewaddress", wallet=MINER))

    def received(self, destination: str, asset_id: str) -> list[int]:  # noqa: ARG002 - as above
        """As `Rail`: one for each transaction in a block."""
        found = self.node.call("listreceivedbyaddress", 1, False, False, destination, wallet=MINER)
        amounts = []
        for txid in found[0]["txids"] if found else []:
            details = self.node.call("gettransaction", txid, wallet=MINER)["details"]
            amounts += [
                int(one["amount"] * COIN_MINOR)
                for one in details
                if one.get("address") == destination and one["category"] == "receive"
            ]
        return amounts

    def go_on(self) -> None:
        """As `Rail`. Payments that a fork drove out of the node's mempool are offered again, as their senders would."""
        self.node.mine()
        for txid in tuple(self._unmined):
            known = self.node.call("gettransaction", txid, wallet=MINER)
            if known["confirmations"] > DEEP:
                self._unmined.remove(txid)
            elif known["confirmations"] <= 0:
                self._offer(known["hex"])

    def _offer(self, raw_tx: str) -> None:
        try:
            self.node.call("sendrawtransaction", raw_tx)
        except JSONRPCException:
            # It is there, or spends what has to mature again after a fork: the next moment comes.
            return

    def reorganise(self, depth: int) -> None:
        """Have the newest blocks be replaced by one more; what was in them is mined again, in another order."""
        first = self.node.call("getblockcount") - depth + 1
        self.node.call("invalidateblock", self.node.call("getblockhash", first))
        # First nothing, so that every payment in those blocks is seen to have left them.
        self.node.call("generateblock", self.node.call("getnewaddress", wallet=MINER), [])
        self.node.mine(depth)


class AccountRail:
    """A chain of accounts, with its coin and one token."""

    def __init__(self, anvil: AnvilServer, contract: str) -> None:
        self.anvil = anvil
        self.contract = contract
        # Two that are sent at one moment get the same nonce there, and one of them is never mined.
        self._lock = threading.Lock()
        self.asset_ids: tuple[str, ...] = (ACCOUNT_COIN, TOKEN)

    def pay_in(self, address: str, asset_id: str, amount_minor: int) -> str:
        """As `IncomingRail`."""
        with self._lock:
            if asset_id == ACCOUNT_COIN:
                return self.anvil.pay(address, amount_minor)
            return self.anvil.send(self.contract, data="0x" + transfer_data(payload(address), amount_minor).hex())

    def destination(self) -> str:
        """As `Rail`."""
        return "0x" + secrets.token_hex(20)

    def received(self, destination: str, asset_id: str) -> list[int]:
        """As `Rail`: the sum, for one who was paid once."""
        if asset_id == ACCOUNT_COIN:
            amount = int(self.anvil.call("eth_getBalance", destination, "latest"), 16)
        else:
            asked = "0x70a08231" + payload(destination).hex().rjust(64, "0")  # balanceOf(address), ERC-20
            amount = int(self.anvil.call("eth_call", {"to": self.contract, "data": asked}, "latest"), 16)
        return [amount] if amount else []

    def go_on(self) -> None:
        """As `Rail`."""
        self.anvil.mine()

    def reorganise(self, depth: int) -> None:
        """Have the newest blocks be replaced; what was in them is offered to the chain again, as a network would."""
        height = int(self.anvil.call("eth_blockNumber"), 16)
        left = [
            self.anvil.call("eth_getRawTransactionByHash", txid)
            for number in range(height - depth + 1, height + 1)
            for txid in self.anvil.call("eth_getBlockByNumber", hex(number), False)["transactions"]
        ]
        self.anvil.call("anvil_reorg", depth, [])
        for raw in left:
            self.anvil.call("eth_sendRawTransaction", raw)
        self.anvil.mine(2)


class CustodianRail:
    """Circle, which posts what happens: late, twice, out of order, or not at all."""

    def __init__(self, fake: FakeCircle, journal: Journal, post: Callable[[Delivery], None], seed: int) -> None:
        self.fake = fake
        self.asset_ids: tuple[str, ...] = (DOLLAR,)
        self.notices: list[Delivery] = []
        """Everything that it has to say, for whoever says it again."""
        self._journal = journal
        self._post = post
        self._chance = random.Random(seed)

    def pay_in(self, address: str, asset_id: str, amount_minor: int) -> str:  # noqa: ARG002 - it has one asset
        """As `IncomingRail`."""
        reference = self.fake.arrives(address, _decimal(amount_minor))
        self._tell(reference)
        return reference

    def destination(self) -> str:
        """As `Rail`."""
        return "ETH:0x" + secrets.token_hex(20)

    def received(self, destination: str, asset_id: str) -> list[int]:  # noqa: ARG002 - as above
        """As `Rail`."""
        bare = destination.partition(":")[2].lower()
        return [
            int(Decimal(told["amount"]["amount"]) * MICRO)
            for told in self.fake.outgoing()
            if told["destination"]["address"].lower() == bare and told["status"] == "complete"
        ]

    def go_on(self) -> None:
        """As `Rail`: what was asked for is paid, or in the end not."""
        for told in [told for told in self.fake.outgoing() if told["status"] == "pending"]:
            is_paid = self._chance.random() >= FAILS
            destination = f"{told['destination']['chain']}:{told['destination']['address']}"
            self._journal.decides(destination, paid=is_paid)
            if is_paid:
                self.fake.decides(told["id"], "complete")
            else:
                self.fake.decides(told["id"], "failed", error="transfer_failed")
            self._tell(told["id"])

    def say_again(self) -> None:
        """Post everything that was ever said once more, the newest first."""
        for notice in reversed(self.notices[-200:]):
            self._post(notice)

    def forge(self, count: int) -> None:
        """Have somebody else say that money came."""
        for _ in range(count):
            self._post(self.fake.forged(secrets.token_hex(8)))

    def _tell(self, reference: str) -> None:
        make = self._chance.choice([self.fake.notification, self.fake.relayed])
        notice: Delivery = make(reference)
        self.notices.append(notice)
        for _ in range(self._chance.choice([0, 1, 1, 1, 2, 3])):
            self._post(notice)


class BankRail:
    """A provider that pays bank accounts."""

    def __init__(self, fake: FakeFlutterwave, journal: Journal) -> None:
        self.fake = fake
        self.asset_ids: tuple[str, ...] = (NAIRA,)
        self._journal = journal

    def destination(self) -> str:
        """As `Rail`."""
        return f"bank:044:{secrets.randbelow(10**10):010d}"

    def received(self, destination: str, asset_id: str) -> list[int]:  # noqa: ARG002 - it has one asset
        """As `Rail`."""
        account = destination.rpartition(":")[2]
        return [
            int(Decimal(str(told["amount"])) * 100)
            for told in self.fake.transfers.values()
            if told["account_number"] == account and told["status"] == "SUCCESSFUL"
        ]

    def go_on(self) -> None:
        """As `Rail`: everything that was asked for is paid."""
        self.fake.decides("SUCCESSFUL")


def _decimal(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-6):f}"
