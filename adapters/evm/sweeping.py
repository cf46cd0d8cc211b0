"""Moving what lies on deposit addresses to the hot wallet, on the one machine that holds their keys."""

from collections.abc import Collection

from adapters.evm.building import Order, Replacement
from adapters.evm.client import EvmClient
from adapters.evm.keys import AccountKey, BadExtendedKey, ExtendedPrivateKey, ExtendedPublicKey
from adapters.evm.keystore import unseal
from adapters.evm.transactions import Transaction
from adapters.evm.wallet import EvmWallet
from domain.chain_facts import OutPoint
from domain.evm.addresses import spell_address
from domain.node_refusals import InsufficientHotFunds, WalletNotLoaded
from domain.wallet_facts import SignedPayment, SweepCost


class EvmSweeper(EvmWallet):
    """The wallet, and the keys of deposit addresses where this machine has them."""

    def __init__(self, client: EvmClient) -> None:
        super().__init__(client)
        self._account_key: ExtendedPrivateKey | None = None

    @property
    def can_sweep(self) -> bool:
        """Whether the keys of deposit addresses are configured on this machine; they are opened when first needed."""
        return self._client.endpoint.sweep_keystore is not None

    def sweep_key(self, index: int) -> AccountKey:
        """The key of one deposit address. Raises WalletNotLoaded, WalletLocked."""
        return self._extended_key().deposit_key(index)

    def sweep_cost(self, index: int, *, contract: str, amount_minor: int) -> SweepCost:
        """What a sweep would cost at lasting fees, to decide whether it pays and how much gas to top up."""
        key = self.sweep_key(index)
        order = Order(self._hot_key().payload, amount_minor if contract else 1, contract)
        standing = self._builder.standing(key, order)
        return SweepCost(self._builder.cost(standing, order), standing.coin_minor)

    def build_sweep(
        self,
        index: int,
        *,
        contract: str,
        amount_minor: int,
        fee_max_minor: int,
        avoid: Collection[OutPoint] = (),
    ) -> SignedPayment:
        """Sign a transfer of this amount from a deposit address to the hot wallet; of the coin, less the fee.

        Raises InsufficientHotFunds when gas must be topped up first, or the coin does not cover its own fee.
        """
        key, hot = self.sweep_key(index), self._hot_key().payload
        max_fee_minor = None
        if not contract:
            standing = self._builder.standing(key, Order(hot, 1, ""))
            max_fee_minor = standing.fees.lasting_minor
            fee_minor = standing.gas * max_fee_minor
            amount_minor = min(amount_minor, standing.coin_minor) - fee_minor * (2 if self.rail.has_data_fee else 1)
            if amount_minor <= 0:
                raise InsufficientHotFunds(f"moving it would cost {fee_minor}, which is all that is there")
        order = Order(hot, amount_minor, contract)
        return self._builder.build(key, order, fee_max_minor=fee_max_minor, max_fee_minor=max_fee_minor, avoid=avoid)

    def bump_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign the same sweep with higher fees, which a sweep of the coin takes from its amount.

        Raises BumpImpossible, FeeAboveCap.
        """
        form: Replacement = "faster" if Transaction.read(payment.raw_tx).data else "from_value"
        return self._builder.bump(self.sweep_key(index), payment, fee_max_minor=fee_max_minor, form=form)

    def cancel_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign a transaction with the nonce of a sweep that moves nothing. Raises BumpImpossible, FeeAboveCap."""
        return self._builder.bump(self.sweep_key(index), payment, fee_max_minor=fee_max_minor, form="nothing")

    def _extended_key(self) -> ExtendedPrivateKey:
        with self._lock:
            if self._account_key is None:
                self._account_key = self._opened()
            return self._account_key

    def _opened(self) -> ExtendedPrivateKey:
        endpoint = self._client.endpoint
        if endpoint.sweep_keystore is None:
            raise WalletNotLoaded(f"the keys of deposit addresses on {self.rail.name} are not on this machine")
        try:
            private = ExtendedPrivateKey.read(unseal(endpoint.sweep_keystore, endpoint.sweep_password).decode("ascii"))
            first = ExtendedPublicKey.read(endpoint.deposit_xpub).deposit_address(0)
        except (BadExtendedKey, UnicodeDecodeError) as error:
            raise WalletNotLoaded("the keystore for sweeping, or the extended public key, holds no such key") from error
        if private.deposit_key(0).payload != first:
            raise WalletNotLoaded(
                f"the keystore for sweeping does not own {spell_address(first)}, the first deposit address"
            )
        return private
