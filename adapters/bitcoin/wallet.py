"""The hot wallet inside a node: addresses, holdings, and where its transactions are."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from adapters.bitcoin import history, locks
from adapters.bitcoin import payments as paying
from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient, demanded
from adapters.bitcoin.refusals import INVALID_PARAMETERS, NOT_FOUND, WALLET_ERROR
from domain.addresses import parse_address
from domain.chain_facts import Located, OutPoint
from domain.networks import Network
from domain.node_refusals import NodeBusy, NodeError, WalletNotLoaded
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SentTransaction, SignedPayment

ADDRESSES_PER_CALL: Final = 200
_HOLDING_ATTEMPTS: Final = 5
_MISUSE: Final = -1
_NO_DESCRIPTORS: Final = frozenset({_MISUSE, WALLET_ERROR, INVALID_PARAMETERS})
"""How nodes without descriptor wallets refuse to make one: no such argument, or built without SQLite."""


class BitcoinWallet:
    """One wallet of one node (implements `domain.ports.Wallet`)."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    @property
    def rail(self) -> Network:
        """The network, as every family names it."""
        return self._client.network

    @property
    def network(self) -> Network:
        """The network this wallet's money is on."""
        return self._client.network

    def ensure_wallet(self) -> None:
        """Load the wallet, or create it: a descriptor wallet where the node offers them, else a legacy one."""
        name = self._client.endpoint.wallet
        if name in self._client.read("listwallets"):
            return
        try:
            self._client.order("loadwallet", name, True)
        except WalletNotLoaded:
            self._create(name)

    def new_addresses(self, count: int, *, first_index: int = 0) -> list[NewAddress]:  # noqa: ARG002 - the node counts
        """Fresh native SegWit addresses, the cheapest to spend from."""
        fresh: list[NewAddress] = []
        while len(fresh) < count:
            calls = [["getnewaddress", "", "bech32"]] * min(ADDRESSES_PER_CALL, count - len(fresh))
            for text in demanded(self._client.order_batch(calls, wallet=True)):
                address = parse_address(text, self.network)
                fresh.append(NewAddress(address.text, address.script))
        return fresh

    def holding(self, contract: str = "", *, unswept: Collection[str] = ()) -> Holding:  # noqa: ARG002 - one coin, one wallet
        """Balances and the block that they were read at; read again if a block arrives in between."""
        for _ in range(_HOLDING_ATTEMPTS):
            before, balances, after = demanded(
                self._client.read_batch([["getblockchaininfo"], ["getbalances"], ["getbestblockhash"]], wallet=True)
            )
            read_at = balances.get("lastprocessedblock", {"hash": after})["hash"]  # told by Core 26 and later
            if before["bestblockhash"] == after == read_at:
                mine = balances["mine"]
                return Holding(
                    trusted_minor=to_minor(mine["trusted"]),
                    unconfirmed_minor=to_minor(mine["untrusted_pending"]),
                    immature_minor=to_minor(mine["immature"]),
                    height=before["blocks"],
                    hash=after,
                )
        raise NodeBusy("blocks keep arriving faster than the wallet can be read")

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,
        fee_rate_minor_per_kvb: int | None = None,
        avoid: Collection[OutPoint] = (),
    ) -> SignedPayment:
        """Sign one transaction for all payments; broadcast nothing."""
        return paying.build(
            self._client,
            payments,
            fee_max_minor=fee_max_minor,
            fee_rate_minor_per_kvb=fee_rate_minor_per_kvb,
            avoid=avoid,
        )

    def bump(
        self, payment: SignedPayment, *, fee_max_minor: int, fee_rate_minor_per_kvb: int | None = None
    ) -> SignedPayment:
        """Sign a replacement with a higher fee and the same payments; broadcast nothing."""
        return paying.bump(
            self._client, payment, fee_max_minor=fee_max_minor, fee_rate_minor_per_kvb=fee_rate_minor_per_kvb
        )

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Submit a signed transaction to the node."""
        return paying.broadcast(self._client, raw_tx)

    def locate(self, txid: str) -> Located | None:
        """Where a transaction is, according to wallet and mempool."""
        known, pooled = self._client.read_batch([["gettransaction", txid], ["getmempoolentry", txid]], wallet=True)
        in_mempool = _unless_unknown(pooled) is not None
        details = _unless_unknown(known)
        if details is None:
            return Located(0, None, None, in_mempool=True, conflicted_by=None) if in_mempool else None
        confirmations = details["confirmations"]
        if confirmations < 0:
            rival, height = self._confirmed_among(details["walletconflicts"])
            return Located(confirmations, None, height, in_mempool=False, conflicted_by=rival)
        return Located(
            confirmations=confirmations,
            block_hash=details.get("blockhash") if confirmations else None,
            block_height=details.get("blockheight") if confirmations else None,
            in_mempool=in_mempool and not confirmations,
            conflicted_by=None,
        )

    def sent_since(self, height: int) -> list[SentTransaction]:
        """What the wallet sent and what is in no block up to this height."""
        return history.sent_since(self._client, height)

    def reserve(self, inputs: Collection[OutPoint]) -> None:
        """Make these, and no others, the inputs that the wallet may not spend."""
        locks.reserve(self._client, inputs)

    def _create(self, name: str) -> None:
        # Arguments: private keys kept, not blank, no passphrase, address reuse allowed, descriptors, load at start.
        try:
            self._client.order("createwallet", name, False, False, None, False, True, True)
        except NodeError as refusal:
            if refusal.rpc_code not in _NO_DESCRIPTORS:
                raise
            self._client.order("createwallet", name, False, False, None, False, None, True)

    def _confirmed_among(self, txids: Sequence[str]) -> tuple[str | None, int | None]:
        """The one of these transactions that is in a block, and its height."""
        answers = self._client.read_batch([["gettransaction", txid] for txid in txids], wallet=True)
        for txid, answer in zip(txids, answers, strict=True):
            details = _unless_unknown(answer)
            if details is not None and details["confirmations"] > 0:
                return txid, details["blockheight"]
        return None, None


def _unless_unknown(answer: Any) -> Any:
    """The answer, or None where the node knows no such transaction. Raises every other refusal."""
    if isinstance(answer, NodeError) and answer.rpc_code == NOT_FOUND:
        return None
    return demanded([answer])[0]
