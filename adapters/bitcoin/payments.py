"""Building, replacing and sending payments: signed first, broadcast only when asked."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from adapters.bitcoin.amounts import to_coins, to_minor
from adapters.bitcoin.client import NodeClient, demanded
from adapters.bitcoin.fees import estimated_fee_rate, fee_for
from adapters.bitcoin.locks import lock, unlock
from adapters.bitcoin.refusals import ALREADY_IN_CHAIN, NOT_FOUND, VERIFY_ERROR, VERIFY_REJECTED
from adapters.bitcoin.transactions import unsigned_transaction
from domain.addresses import parse_address
from domain.chain_facts import OutPoint
from domain.errors import ensure
from domain.node_refusals import BumpImpossible, FeeAboveCap, FeeUnknown, NodeError, PaymentTooSmall
from domain.wallet_facts import BroadcastAnswer, Payment, SignedPayment

_ANY_FEE_RATE: Final = 0  # our fee cap was applied when the payment was built
_ALREADY_KNOWN_WORDS: Final = (
    "txn-already-in-mempool",
    "txn-already-known",
    "already in block chain",
    "already in utxo",
)


def build(
    client: NodeClient,
    payments: Sequence[Payment],
    *,
    fee_max_minor: int,
    fee_rate_minor_per_kvb: int | None,
    avoid: Collection[OutPoint],
) -> SignedPayment:
    """See `domain.ports.Wallet.build`."""
    ensure(len(payments) > 0, "a payment transaction pays somebody")
    outputs = [(parse_address(one.address, client.network).script, one.amount_minor) for one in payments]
    _refuse_dust(client, payments)
    rate = fee_rate_minor_per_kvb or estimated_fee_rate(client)
    lock(client, avoid)
    funded = client.order(
        "fundrawtransaction",
        unsigned_transaction([], outputs),
        {"feeRate": to_coins(rate), "lockUnspents": True, "replaceable": True},
        False,
        wallet=True,
    )
    inputs = _inputs(client.read("decoderawtransaction", funded["hex"]))
    try:
        fee_minor = to_minor(funded["fee"])
        _refuse_above_cap(fee_minor, fee_max_minor)
        change_vout = None if funded["changepos"] < 0 else funded["changepos"]
        vouts = [vout for vout in range(len(outputs) + 1) if vout != change_vout][: len(outputs)]
        return _signed(
            client, funded["hex"], outputs, fee_minor=fee_minor, payment_vouts=vouts, change_vout=change_vout
        )
    except BaseException:
        unlock(client, inputs)
        raise


def bump(
    client: NodeClient, payment: SignedPayment, *, fee_max_minor: int, fee_rate_minor_per_kvb: int | None
) -> SignedPayment:
    """See `domain.ports.Wallet.bump`."""
    if payment.change_vout is None:
        raise BumpImpossible("the payment has no change that could carry a higher fee")
    decoded = client.read("decoderawtransaction", payment.raw_tx)
    outputs = _outputs(decoded)
    fee_minor = _replacement_fee(client, payment, fee_rate_minor_per_kvb)
    _refuse_above_cap(fee_minor, fee_max_minor)
    script, change_minor = outputs[payment.change_vout]
    change_minor -= fee_minor - payment.fee_minor
    if change_minor < client.network.dust_limit_minor:
        raise BumpImpossible("the change is too small to carry the higher fee")
    outputs[payment.change_vout] = script, change_minor
    paid = [outputs[vout] for vout in payment.payment_vouts]
    unsigned = unsigned_transaction(_inputs(decoded), outputs)
    return _signed(
        client,
        unsigned,
        paid,
        fee_minor=fee_minor,
        payment_vouts=payment.payment_vouts,
        change_vout=payment.change_vout,
    )


def broadcast(client: NodeClient, raw_tx: str) -> BroadcastAnswer:
    """See `domain.ports.Wallet.broadcast`."""
    try:
        client.order("sendrawtransaction", raw_tx, _ANY_FEE_RATE)
    except NodeError as refusal:
        reason = str(refusal)
        if refusal.rpc_code == ALREADY_IN_CHAIN or any(words in reason.lower() for words in _ALREADY_KNOWN_WORDS):
            return BroadcastAnswer("already_known", reason)
        if refusal.rpc_code not in {VERIFY_ERROR, VERIFY_REJECTED}:
            raise
        if _is_in_a_block(client, raw_tx):  # once its outputs are spent, the node only says "inputs missing"
            return BroadcastAnswer("already_known", reason)
        return BroadcastAnswer("rejected", reason)
    return BroadcastAnswer("accepted")


def _signed(
    client: NodeClient,
    unsigned: str,
    payments: Sequence[tuple[bytes, int]],
    *,
    fee_minor: int,
    payment_vouts: Sequence[int],
    change_vout: int | None,
) -> SignedPayment:
    """Have the wallet sign, and check that what comes back pays exactly what was asked."""
    signed = client.order("signrawtransactionwithwallet", unsigned, wallet=True)
    if not signed["complete"]:
        reasons = "; ".join(error.get("error", "") for error in signed.get("errors", []))
        raise NodeError(f"the wallet could not sign every input: {reasons}")
    decoded = client.read("decoderawtransaction", signed["hex"])
    outputs = _outputs(decoded)
    ensure([outputs[vout] for vout in payment_vouts] == list(payments), "a signed transaction pays what was asked")
    ensure(len(outputs) == len(payments) + (change_vout is not None), "a signed transaction pays nobody else")
    return SignedPayment(
        txid=decoded["txid"],
        raw_tx=signed["hex"],
        fee_minor=fee_minor,
        vsize=decoded["vsize"],
        inputs=tuple(_inputs(decoded)),
        payment_vouts=tuple(payment_vouts),
        change_vout=change_vout,
    )


def _replacement_fee(client: NodeClient, payment: SignedPayment, rate_minor_per_kvb: int | None) -> int:
    """The fee of a replacement: by the rate, and at least what BIP-125 demands (rules 3 and 4)."""
    entry, info = client.read_batch([["getmempoolentry", payment.txid], ["getnetworkinfo"]])
    replaced_minor = payment.fee_minor
    if not (isinstance(entry, NodeError) and entry.rpc_code == NOT_FOUND):
        replaced_minor = max(replaced_minor, to_minor(demanded([entry])[0]["fees"]["descendant"]))
    size_max = payment.vsize + len(payment.inputs)  # each signature may come out a byte longer
    least_minor = replaced_minor + fee_for(to_minor(demanded([info])[0]["incrementalfee"]), size_max)
    try:
        rate = rate_minor_per_kvb or estimated_fee_rate(client)
    except FeeUnknown:
        return least_minor  # BIP-125's minimum is known without an estimate
    return max(least_minor, fee_for(rate, size_max))


def _is_in_a_block(client: NodeClient, raw_tx: str) -> bool:
    txid = client.read("decoderawtransaction", raw_tx)["txid"]
    (answer,) = client.read_batch([["gettransaction", txid]], wallet=True)
    if isinstance(answer, NodeError) and answer.rpc_code == NOT_FOUND:
        return False
    return bool(demanded([answer])[0]["confirmations"] > 0)


def _inputs(decoded: dict[str, Any]) -> list[OutPoint]:
    return [OutPoint(spent["txid"], spent["vout"]) for spent in decoded["vin"]]


def _outputs(decoded: dict[str, Any]) -> list[tuple[bytes, int]]:
    return [(bytes.fromhex(output["scriptPubKey"]["hex"]), to_minor(output["value"])) for output in decoded["vout"]]


def _refuse_dust(client: NodeClient, payments: Sequence[Payment]) -> None:
    least = client.network.dust_limit_minor
    for payment in payments:
        if payment.amount_minor < least:
            raise PaymentTooSmall(f"{to_coins(payment.amount_minor)} is below the dust limit of {to_coins(least)}")


def _refuse_above_cap(fee_minor: int, fee_max_minor: int) -> None:
    if fee_minor > fee_max_minor:
        raise FeeAboveCap(f"the network fee would be {to_coins(fee_minor)}; the cap is {to_coins(fee_max_minor)}")
