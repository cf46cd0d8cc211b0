"""Build transactions: choose nonce, gas and fees, and sign; nothing is sent."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from adapters.evm.balances import balance_call, coin_call, token_balance
from adapters.evm.client import EvmClient, demanded, to_int
from adapters.evm.coding import read_transfer_data, transfer_data
from adapters.evm.fees import FEE_CALL, FeeLevel, data_fee, fee_level
from adapters.evm.keys import AccountKey
from adapters.evm.refusals import EXECUTION_REVERTED
from adapters.evm.transactions import Transaction
from adapters.evm.transport import Call
from domain.chain_facts import NATIVE_VALUE, OutPoint
from domain.errors import ensure
from domain.node_refusals import (
    BumpImpossible,
    ChainError,
    FeeAboveCap,
    InsufficientHotFunds,
    NodeError,
    PaymentTooSmall,
)
from domain.wallet_facts import SignedPayment

PLAIN_TRANSFER_GAS: Final = 21_000
"""The gas of a coin transfer between accounts without code (yellow paper, appendix G)."""
_FIRST_LOG: Final = 0
Replacement: TypeAlias = Literal["faster", "from_value", "nothing"]
_PENDING: Final = "pending"
_NO: Final = "0x" + "0" * 64
"""`false`, which some tokens return from a refused transfer. Many return nothing, and revert instead."""


@dataclass(frozen=True, slots=True)
class Order:
    """One movement: this much of the coin ("" for contract) or of a token, to this account."""

    recipient: bytes
    amount_minor: int
    contract: str = ""

    def target(self) -> bytes:
        """The transaction's recipient: the token's contract, or who is paid."""
        return bytes.fromhex(self.contract[2:]) if self.contract else self.recipient

    def value_minor(self) -> int:
        """What coin the transaction carries."""
        return 0 if self.contract else self.amount_minor

    def data(self) -> bytes:
        """The call data."""
        return transfer_data(self.recipient, self.amount_minor) if self.contract else b""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's nonce and balances, less what it sent that is in no block yet, with the gas and fees of an order."""

    nonce: int
    coin_minor: int
    token_minor: int
    gas: int
    fees: FeeLevel


class Builder:
    """Builds transactions for any account, given its key."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client

    def build(
        self,
        key: AccountKey,
        order: Order,
        *,
        fee_max_minor: int,
        max_fee_minor: int | None,
        avoid: Collection[OutPoint],
    ) -> SignedPayment:
        """Sign one movement and send nothing. Raises as `domain.ports.Wallet.build` does."""
        if order.amount_minor <= 0:
            raise PaymentTooSmall
        standing = self.standing(key, order)
        transaction = self._priced(
            Transaction(
                chain_id=self._client.network.chain_id,
                nonce=_free_nonce(key, standing.nonce, avoid),
                priority_fee_minor=0,
                max_fee_minor=0,
                gas_limit=standing.gas,
                recipient=order.target(),
                value_minor=order.value_minor(),
                data=order.data(),
            ),
            standing.fees,
            fee_max_minor=fee_max_minor,
            max_fee_minor=max_fee_minor,
        )
        fee_minor = transaction.cost_max_minor + data_fee(self._client, transaction)
        if standing.coin_minor < order.value_minor() + fee_minor:
            needed_minor = order.value_minor() + fee_minor
            raise InsufficientHotFunds(
                f"{needed_minor} of the coin are needed, gas included; {standing.coin_minor} are there"
            )
        return signed_payment(key, transaction, fee_minor=fee_minor, is_token=bool(order.contract))

    def bump(
        self,
        key: AccountKey,
        payment: SignedPayment,
        *,
        fee_max_minor: int,
        max_fee_minor: int | None = None,
        form: Replacement = "faster",
    ) -> SignedPayment:
        """Sign a replacement of a payment, at the same nonce, for fees at least an eighth higher.

        `faster` makes the same movement; `from_value` takes the higher fee out of the coin that is moved; `nothing`
        moves nothing. Raises BumpImpossible when the nonce is used up in a block or the account cannot pay, and
        FeeAboveCap when the smallest raise exceeds the cap.
        """
        old = Transaction.read(payment.raw_tx)
        answers = self._client.read_batch(
            [Call("eth_getTransactionCount", (key.address, "latest")), FEE_CALL, coin_call(key.payload, "latest")]
        )
        if to_int(answers[0]) > old.nonce:
            raise BumpImpossible("a transaction with this nonce is in a block already")
        level = fee_level(answers[1], priority_min_minor=self._client.network.priority_fee_min_minor)
        dearer = _dearer(
            replace(old, gas_limit=PLAIN_TRANSFER_GAS, recipient=key.payload, value_minor=0, data=b"")
            if form == "nothing"
            else old,
            priority_minor=level.priority_minor,
            wanted_minor=max_fee_minor or level.lasting_minor,
            fee_max_minor=fee_max_minor,
        )
        fee_minor = dearer.cost_max_minor + data_fee(self._client, dearer)
        if fee_minor > fee_max_minor:
            raise FeeAboveCap(f"replacing it may cost {fee_minor}; the cap is {fee_max_minor}")
        if form == "from_value":
            dearer = replace(dearer, value_minor=max(0, old.value_minor - (fee_minor - payment.fee_minor)))
        if to_int(answers[2]) < dearer.value_minor + fee_minor or (form == "from_value" and not dearer.value_minor):
            raise BumpImpossible("the account has too little of the chain's coin for a higher fee")
        return signed_payment(key, dearer, fee_minor=fee_minor, is_token=bool(dearer.data))

    def standing(self, key: AccountKey, order: Order) -> Standing:
        """Read what the account has and what the order takes. Raises InsufficientHotFunds where the token is short."""
        asked = {"from": key.address, "to": "0x" + order.target().hex(), "value": hex(order.value_minor())}
        if order.contract:
            asked["data"] = "0x" + order.data().hex()
        calls = [
            Call("eth_getTransactionCount", (key.address, "latest")),
            coin_call(key.payload, _PENDING),
            FEE_CALL,
            Call("eth_estimateGas", (asked,)),
        ]
        if order.contract:
            calls += [balance_call(order.contract, key.payload, _PENDING), Call("eth_call", (asked, _PENDING))]
        nonce, coin, history, gas, *token = self._client.read_as(calls, _all_but_trials)
        token_minor = token_balance(token[0]) if token else 0
        if order.contract and token_minor < order.amount_minor:
            raise InsufficientHotFunds(f"{order.amount_minor} of the token are needed; {token_minor} are there")
        coin_minor = to_int(coin)
        if isinstance(gas, ChainError):
            if coin_minor <= order.value_minor():
                raise InsufficientHotFunds(f"{order.value_minor()} and gas are needed; {coin_minor} are there")
            raise _explained(gas)
        if token and token[1] == _NO:
            raise NodeError(
                "the token refuses this payment: it says no, and the transaction would succeed all the same"
            )
        return Standing(
            nonce=to_int(nonce),
            coin_minor=coin_minor,
            token_minor=token_minor,
            gas=_with_margin(to_int(gas)),
            fees=fee_level(history, priority_min_minor=self._client.network.priority_fee_min_minor),
        )

    def cost(self, standing: Standing, order: Order) -> int:
        """The most that an order can cost, at lasting fees, including an OP-stack chain's data fee."""
        lasting_minor = standing.fees.lasting_minor
        draft = Transaction(
            chain_id=self._client.network.chain_id,
            nonce=standing.nonce,
            priority_fee_minor=standing.fees.priority_minor,
            max_fee_minor=lasting_minor,
            gas_limit=standing.gas,
            recipient=order.target(),
            value_minor=order.value_minor(),
            data=order.data(),
        )
        return draft.cost_max_minor + data_fee(self._client, draft)

    def _priced(
        self, transaction: Transaction, fees: FeeLevel, *, fee_max_minor: int, max_fee_minor: int | None
    ) -> Transaction:
        """The transaction with lasting fees, or lower ones within the cap. Raises FeeAboveCap."""
        wanted = max_fee_minor or fees.lasting_minor
        priced = replace(transaction, priority_fee_minor=min(fees.priority_minor, wanted), max_fee_minor=wanted)
        affordable = (fee_max_minor - data_fee(self._client, priced)) // transaction.gas_limit
        if affordable < min(wanted, fees.least_minor):
            raise FeeAboveCap(
                f"{transaction.gas_limit * fees.least_minor} would be the least network fee; the cap is {fee_max_minor}"
            )
        return replace(priced, max_fee_minor=min(wanted, affordable))


def signed_payment(key: AccountKey, transaction: Transaction, *, fee_minor: int, is_token: bool) -> SignedPayment:
    """The transaction, signed; its one input is the nonce that it uses up."""
    txid, raw_tx = transaction.signed(key)
    return SignedPayment(
        txid=txid,
        raw_tx=raw_tx,
        fee_minor=fee_minor,
        vsize=len(raw_tx) // 2 - 1,
        inputs=(OutPoint("0x" + key.payload.hex(), transaction.nonce),),
        payment_vouts=(_FIRST_LOG if is_token else NATIVE_VALUE,),
        change_vout=None,
        amount_minor=read_transfer_data(transaction.data)[1] if is_token else transaction.value_minor,
    )


def _free_nonce(key: AccountKey, count: int, avoid: Collection[OutPoint]) -> int:
    """The next nonce: the chain's count, or one above all that are stored and in no block yet."""
    own = "0x" + key.payload.hex()
    return max([count, *(one.vout + 1 for one in avoid if one.txid == own)])


def _dearer(old: Transaction, *, priority_minor: int, wanted_minor: int, fee_max_minor: int) -> Transaction:
    """The transaction with both fees raised: as wanted, within the cap, and at least as high as nodes demand."""
    least = _raised(old.max_fee_minor)
    max_fee_minor = max(least, min(wanted_minor, fee_max_minor // old.gas_limit))
    priority_fee_minor = min(max(_raised(old.priority_fee_minor), priority_minor), max_fee_minor)
    return replace(old, priority_fee_minor=priority_fee_minor, max_fee_minor=max_fee_minor)


def _raised(fee_minor: int) -> int:
    """An eighth more, rounded up: the strictest rule among nodes for a replacement."""
    return fee_minor + -(-fee_minor // 8)


def _with_margin(gas: int) -> int:
    """A fifth above the estimate, since state changes meanwhile; a plain transfer's gas is fixed."""
    return gas if gas == PLAIN_TRANSFER_GAS else gas * 6 // 5


def _all_but_trials(answers: list[Any | ChainError]) -> list[Any]:
    """The answers, of which the gas estimate and the trial of a token's transfer may be refusals.

    Both are refused whenever something is missing; the estimate's refusal says what.
    """
    ensure(len(answers) in {4, 6}, "every question has its answer")
    demanded([*answers[:3], *answers[4:5]])
    for trial in (answers[3], *answers[5:]):
        if isinstance(trial, ChainError) and not isinstance(trial, NodeError):
            raise trial
    return answers


def _explained(refusal: ChainError) -> ChainError:
    if isinstance(refusal, NodeError) and refusal.rpc_code == EXECUTION_REVERTED:
        return NodeError(f"the recipient or the token refuses this payment: {refusal}", rpc_code=EXECUTION_REVERTED)
    return refusal
