"""What the core asks of chains of accounts beside what every chain can do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeGuard

from domain.chain_facts import OutPoint, TokenMovement
from domain.ports import Chain
from domain.wallet_facts import SentTransaction, SignedPayment, SweepCost


class CancellingChain(Chain, Protocol):
    """A chain on which a payment that waits can be replaced by one that pays nobody."""

    def cancel(self, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign what uses up the same inputs and pays nobody; broadcast nothing. Raises BumpImpossible, FeeAboveCap."""
        ...


class RangeReader(Chain, Protocol):
    """A chain that can be asked what tokens moved over many blocks at once."""

    def token_transfers(
        self, first_height: int, last_height: int, contracts: Collection[str]
    ) -> Sequence[TokenMovement]:
        """The movements that these tokens tell of, for comparing with what is on record: their word, not the truth."""
        ...


class SweepingChain(Chain, Protocol):
    """A chain whose deposit addresses have keys of their own, on the machine that holds them."""

    @property
    def can_sweep(self) -> bool:
        """Whether this machine holds them."""
        ...

    def sweep_cost(self, index: int, *, contract: str, amount_minor: int) -> SweepCost:
        """What moving this much from the address of this index takes now."""
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
        """Sign the move of this much to the hot wallet, of the coin less its own fee; broadcast nothing.

        Raises InsufficientHotFunds when gas has to be topped up first, or the coin does not even cover its fee.
        """
        ...

    def bump_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign the same move with higher fees: of the coin, so much less. Raises BumpImpossible, FeeAboveCap."""
        ...

    def cancel_sweep(self, index: int, payment: SignedPayment, *, fee_max_minor: int) -> SignedPayment:
        """Sign what uses up the nonce of a sweep and moves nothing. Raises BumpImpossible, FeeAboveCap."""
        ...


def cancels(chain: Chain) -> TypeGuard[CancellingChain]:
    """Whether payments of this chain can be cancelled."""
    return hasattr(chain, "cancel")


def reads_ranges(chain: Chain) -> TypeGuard[RangeReader]:
    """Whether this chain can be asked about many blocks at once."""
    return hasattr(chain, "token_transfers")


def has_sweep_keys(chain: Chain) -> TypeGuard[SweepingChain]:
    """Whether there is something to sweep on this chain, and this machine holds the keys."""
    return bool(getattr(chain, "can_sweep", False))


class CountingChain(Chain, Protocol):
    """A chain of accounts, which counts what an account sends."""

    @property
    def account(self) -> str:
        """The hot wallet's address, in lower case. Raises WalletNotLoaded, WalletLocked."""
        ...

    def transactions_made(self) -> int:
        """How many transactions that account has made, the ones that wait for a block included. Raises ChainError."""
        ...

    def sent_since(
        self, height: int, nonces: Collection[int], *, contracts: Mapping[str, str]
    ) -> Sequence[SentTransaction]:
        """That account's transactions with these nonces in blocks above this height, in their order; failed ones too.

        `contracts` is as for `blocks`. Raises ChainError.
        """
        ...


def counts_own(chain: Chain) -> TypeGuard[CountingChain]:
    """Whether this chain counts what the hot wallet sends."""
    return chain.rail.has_accounts
