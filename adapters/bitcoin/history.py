"""What a wallet has sent, as the node remembers it: evidence that survives the loss of our own database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient, demanded
from domain.chain_facts import OutPoint
from domain.wallet_facts import SentOutput, SentTransaction

PER_BATCH: Final = 100


def sent_since(client: NodeClient, height: int) -> list[SentTransaction]:
    """See `domain.ports.DescriptorChain.sent_since`."""
    tip = client.read("getblockcount")
    since = client.read("getblockhash", max(0, min(height, tip)))
    listed = client.read("listsinceblock", since, 1, False, True, wallet=True)
    txids = sorted({row["txid"] for row in listed["transactions"] if row["category"] == "send"})
    found: list[SentTransaction] = []
    for first in range(0, len(txids), PER_BATCH):
        some = txids[first : first + PER_BATCH]
        known = demanded(client.read_batch([["gettransaction", txid] for txid in some], wallet=True))
        decoded = demanded(client.read_batch([["decoderawtransaction", row["hex"]] for row in known]))
        # A conflicted one cannot confirm; the transaction that replaced it is listed instead.
        found += [_sent(row, raw) for row, raw in zip(known, decoded, strict=True) if row["confirmations"] >= 0]
    return found


def _sent(known: Mapping[str, Any], decoded: Mapping[str, Any]) -> SentTransaction:
    """One transaction. An output that the wallet also receives, or never listed, is its own: change or a move."""
    own = {row["vout"] for row in known["details"] if row["category"] != "send"}
    sent = {row["vout"]: row for row in known["details"] if row["category"] == "send" and row["vout"] not in own}
    others = [output["n"] for output in decoded["vout"] if output["n"] not in sent]
    in_block = known["confirmations"] > 0
    return SentTransaction(
        txid=known["txid"],
        raw_tx=known["hex"],
        fee_minor=-to_minor(known["fee"]),
        vsize=decoded["vsize"],
        inputs=_inputs(decoded["vin"]),
        outputs=tuple(
            SentOutput(vout, row.get("address", ""), -to_minor(row["amount"])) for vout, row in sorted(sent.items())
        ),
        change_vout=others[0] if len(others) == 1 else None,
        confirmations=known["confirmations"],
        block_hash=known["blockhash"] if in_block else None,
        block_height=known.get("blockheight") if in_block else None,
    )


def _inputs(spent: Sequence[Mapping[str, Any]]) -> tuple[OutPoint, ...]:
    return tuple(OutPoint(row["txid"], row["vout"]) for row in spent)
