"""The hot wallet of a chain of accounts: one key, opened when first needed, and deposit addresses without keys."""

import threading
from collections.abc import Collection, Sequence
from typing import Final

from adapters.evm.balances import balance_call, coin_call, token_balance
from adapters.evm.building import Builder, Order
from adapters.evm.client import EvmClient, to_int
from adapters.evm.keys import AccountKey, BadExtendedKey, ExtendedPublicKey
from adapters.evm.keystore import unseal
from adapters.evm.sending import Sender
from adapters.evm.transactions import Transaction
from adapters.evm.transport import Call
from domain.chain_facts import Located, OutPoint
from domain.errors import ensure
from domain.evm.addresses import parse_evm_address, spell_address
from domain.evm.networks import EvmNetwork
from domain.node_refusals import BumpImpossible, WalletNotLoaded
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SignedPayment

GAS_UNITS_PER_KILO: Final = 1_000


class EvmWallet:
    """Implements `domain.ports.Wallet`. Fee rates are per thousand units of gas."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client
        self._builder = Builder(client)
        self._sender = Sender(client)
        self._lock = threading.Lock()
        self._key: AccountKey | None = None

    @property
    def rail(self) -> EvmNetwork:
        """The network this wallet's money is on."""
        return self._client.network

    @property
    def account(self) -> str:
        """The hot wallet's address, in lower case.

        Opens the keystore. Raises WalletNotLoaded, WalletLocked.
        """
        return "0x" + self._hot_key().payload.hex()

    def transactions_made(self) -> int:
        """How many transactions the account has made, including pending ones that the node knows."""
        calls = [Call("eth_getTransactionCount", (self.account, at)) for at in ("latest", "pending")]
        return max(to_int(count) for count in self._client.read_batch(calls))

    def ensure_wallet(self) -> None:
        """Open the keystore, and read the extended key. Raises WalletNotLoaded, WalletLocked."""
        self._hot_key()
        if self._client.endpoint.deposit_xpub:
            self._deposits()

    def new_addresses(self, count: int, *, first_index: int = 0) -> list[NewAddress]:
        """The deposit addresses of these indexes, derived without any private key. Raises WalletNotLoaded."""
        deposits = self._deposits()
        made = []
        for index in range(first_index, first_index + count):
            payload = deposits.deposit_address(index)
            made.append(NewAddress(spell_address(payload), payload, index))
        return made

    def holding(self, contract: str = "", *, unswept: Collection[str] = ()) -> Holding:
        """Balances of the account and of these deposit addresses in one asset, all at the newest block."""
        newest = self._client.read("eth_getBlockByNumber", "latest", False)
        at = {"blockHash": newest["hash"]}
        holders = [self._hot_key().payload, *(bytes.fromhex(address[2:]) for address in unswept)]
        if contract:
            answers = self._client.read_batch([balance_call(contract, holder, at) for holder in holders])
            hot, *others = (token_balance(answer) for answer in answers)
        else:
            hot, *others = (to_int(one) for one in self._client.read_batch([coin_call(one, at) for one in holders]))
        return Holding(
            trusted_minor=hot,
            unconfirmed_minor=0,
            immature_minor=0,
            height=to_int(newest["number"]),
            hash=newest["hash"],
            unswept_minor=sum(others),
        )

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,
        fee_rate_minor_per_kvb: int | None = None,
        avoid: Collection[OutPoint] = (),
    ) -> SignedPayment:
        """Sign one payment with the next nonce; broadcast nothing."""
        ensure(len(payments) == 1, "a transaction of an account makes one payment")
        [payment] = payments
        order = Order(parse_evm_address(payment.address).script, payment.amount_minor, payment.contract)
        return self._builder.build(
            self._hot_key(),
            order,
            fee_max_minor=fee_max_minor,
            max_fee_minor=_per_gas(fee_rate_minor_per_kvb),
            avoid=avoid,
        )

    def bump(
        self, payment: SignedPayment, *, fee_max_minor: int, fee_rate_minor_per_kvb: int | None = None
    ) -> SignedPayment:
        """Sign the same payment at the same nonce, with fees an eighth higher or at the present level."""
        return self._builder.bump(
            self._key_of(payment),
            payment,
            fee_max_minor=fee_max_minor,
            max_fee_minor=_per_gas(fee_rate_minor_per_kvb),
        )

    def cancel(self, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign a replacement that pays nobody, at the payment's nonce. Only a block shows which of the two won."""
        return self._builder.bump(self._key_of(payment), payment, fee_max_minor=fee_max_minor, form="nothing")

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Submit a signed transaction to the nodes."""
        nonce = Transaction.read(raw_tx).nonce
        return self._sender.broadcast(raw_tx, account=Transaction.signer(raw_tx), nonce=nonce)

    def locate(self, txid: str) -> Located | None:
        """Where a transaction is, according to the nodes."""
        return self._sender.locate(txid)

    def reserve(self, inputs: Collection[OutPoint]) -> None:
        """Do nothing: a nonce is reserved by the row that it is stored in."""

    def _key_of(self, payment: SignedPayment) -> AccountKey:
        """The key that signed a payment. Raises BumpImpossible where the keystore now holds another one."""
        key = self._hot_key()
        if payment.inputs[0].txid != "0x" + key.payload.hex():
            raise BumpImpossible("another account made this payment, whose key is not the hot wallet's any more")
        return key

    def _hot_key(self) -> AccountKey:
        """The key, decrypted once in each process."""
        with self._lock:
            if self._key is None:
                endpoint = self._client.endpoint
                if endpoint.keystore is None:
                    raise WalletNotLoaded(f"no keystore is configured for {self.rail.name}")
                self._key = AccountKey(unseal(endpoint.keystore, endpoint.keystore_password))
            return self._key

    def _deposits(self) -> ExtendedPublicKey:
        if not self._client.endpoint.deposit_xpub:
            raise WalletNotLoaded(f"no extended public key is configured for {self.rail.name}")
        try:
            return ExtendedPublicKey.read(self._client.endpoint.deposit_xpub)
        except BadExtendedKey as error:
            raise WalletNotLoaded(f"the extended key of {self.rail.name} cannot be used: {error}") from error


def _per_gas(rate_minor_per_kilo: int | None) -> int | None:
    return None if rate_minor_per_kilo is None else max(1, rate_minor_per_kilo // GAS_UNITS_PER_KILO)
