"""What the core asks of a chain of accounts, on top of what every chain can do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeGuard

from domain.chain_facts import OutPoint, TokenMovement
from domain.ports import Chain
from domain.wallet_facts import SentTransaction, SignedPayment, SweepCost


class CancellingChain(Chain, Protocol):
    """A chain on which a payment that is in no block yet can be replaced by one that pays nobody."""

    def cancel(self, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign a replacement that uses the same inputs and pays nobody; broadcast nothing.

        Raises BumpImpossible, FeeAboveCap.
        """
        ...


class RangeReader(Chain, Protocol):
    """A chain that can list the token transfers of many blocks at once."""

    def token_transfers(
        self, first_height: int, last_height: int, contracts: Collection[str]
    ) -> Sequence[TokenMovement]:
        """The transfers that these tokens' events report, to be compared with our records.

        Events may lie: credit nothing by them.
        """
        ...


class SweepingChain(Chain, Protocol):
    """A chain whose deposit addresses have private keys of their own, which this machine may hold."""

    @property
    def can_sweep(self) -> bool:
        """Whether this machine holds the keys of deposit addresses."""
        ...

    def sweep_cost(self, index: int, *, contract: str, amount_minor: int) -> SweepCost:
        """What it costs now to move this amount away from the deposit address of this index."""
        ...

    def build_sweep(
        self,
        index: int,
        *,
        contract: str,
        amount_minor: int,
        fee_max_minor: int,
        avoid: Collection[OutPoint] = (),
    ) -> SignedPayment:
        """Sign the move of this amount to the hot wallet (of the coin, less its own fee); broadcast nothing.

        Raises InsufficientHotFunds when gas has to be sent to the address first, or the coin does not even cover its
        fee.
        """
        ...

    def bump_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign the same sweep with higher fees; a sweep of the coin moves so much less.

        Raises BumpImpossible, FeeAboveCap.
        """
        ...

    def cancel_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign a transaction that uses the nonce of a sweep and moves nothing. Raises BumpImpossible, FeeAboveCap."""
        ...


def cancels(chain: Chain) -> TypeGuard[CancellingChain]:
    """Whether payments of this chain can be cancelled."""
    return hasattr(chain, "cancel")


def reads_ranges(chain: Chain) -> TypeGuard[RangeReader]:
    """Whether this chain can be asked about many blocks at once."""
    return hasattr(chain, "token_transfers")


def has_sweep_keys(chain: Chain) -> TypeGuard[SweepingChain]:
    """Whether this chain's deposit addresses are swept, and this machine holds their keys."""
    return bool(getattr(chain, "can_sweep", False))


class CountingChain(Chain, Protocol):
    """A chain of accounts, which numbers the transactions of an account by nonce."""

    @property
    def account(self) -> str:
        """The hot wallet's address, in lower case. Raises WalletNotLoaded, WalletLocked."""
        ...

    def transactions_made(self) -> int:
        """How many transactions the account has made, including those not in a block yet. Raises ChainError."""
        ...

    def sent_since(
        self, height: int, nonces: Collection[int], *, contracts: Mapping[str, str]
    ) -> Sequence[SentTransaction]:
        """The account's transactions with these nonces in blocks above this height, by nonce, failed ones included.

        `contracts` is as for `blocks`. Raises ChainError.
        """
        ...


def counts_own(chain: Chain) -> TypeGuard[CountingChain]:
    """Whether this chain numbers the hot wallet's transactions."""
    return chain.rail.has_accounts
