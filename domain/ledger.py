"""What may be asked of the ledger and what it answers: legs, transactions, outcomes and the chart of accounts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.errors import StrongroomError

DEBIT_NORMAL = frozenset({"asset", "expense"})

# The house's own accounts, by code. Those not in FLOORS have no floor: that the wallet really holds what they say is
# verified by reconciliation, not by a constraint.
CHART: Mapping[str, str] = {
    "hot_wallet": "asset",
    "node_channel": "asset",
    "custodian": "asset",
    "withdrawal_fees": "income",
    "conversion_income": "income",
    "conversion_spread": "income",
    "network_fees": "expense",
    "unexplained_payments": "expense",
    "losses": "expense",
    "owner_equity": "equity",
    "conversion_float": "equity",
    "suspense": "suspense",
}
# Conversions may use only what the house set aside for them: the rest of the hot wallet is the users'.
FLOORS: Mapping[str, int] = {"conversion_float": 0}
USER_CODE = "user"
USER_KIND = "liability"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move an amount at once: `debit_account` is debited and `credit_account` credited."""

    debit_account: int
    credit_account: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Reserve an amount for a later Post or Void, on each side that has a floor and whose balance would fall.

    The other side is named but not touched, so that holds never contend for a system account. A hold that would reserve
    nothing is refused. After `expires_at` it can only be voided.
    """

    debit_account: int
    credit_account: int
    amount_minor: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """Carry out a hold, in full (None) or in part; what is not posted is released."""

    hold: int
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Void:
    """Release a hold in full."""

    hold: int


Leg = Transfer | Hold | Post | Void


@dataclass(frozen=True, slots=True)
class Transaction:
    """One decision, whose legs are carried out in order, all or none.

    `key` makes it happen at most once, for ever. `effective_at` is when it happened in the world, and the moment
    against which a hold's expiry is judged. `reverses` names the transaction that this one undoes.
    """

    key: str
    kind: str
    legs: tuple[Leg, ...]
    effective_at: datetime
    flow_id: UUID | None = None
    reverses: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction: `refused` is None or a refusal's code; `replayed` says the key was known.

    `transfer_ids` are in the order of the legs; the id of a hold's transfer is what Post and Void name.
    A conflict of keys is not recorded, so its `transaction_id` is that of the transaction which has the key.
    """

    transaction_id: int
    transfer_ids: tuple[int, ...]
    refused: str | None = None
    replayed: bool = False


def request_hash(transaction: Transaction) -> bytes:
    """SHA-256 of what is asked. Times are left out: a retry happens later and is still the same request."""
    legs = [
        [type(leg).__name__, leg.debit_account, leg.credit_account, leg.amount_minor]
        if isinstance(leg, Transfer | Hold)
        else [type(leg).__name__, leg.hold, leg.amount_minor if isinstance(leg, Post) else None]
        for leg in transaction.legs
    ]
    body = [transaction.kind, str(transaction.flow_id), transaction.reverses, legs]
    return hashlib.sha256(json.dumps(body).encode()).digest()


class LedgerRefusal(StrongroomError):
    """The ledger rejected a transaction; nothing of it was carried out."""

    code: ClassVar[str] = "ledger_refusal"


class InsufficientFunds(LedgerRefusal):
    """The available balance is less than the amount."""

    code: ClassVar[str] = "insufficient_funds"


class AccountMissing(LedgerRefusal):
    """A leg names an account that does not exist or cannot be posted to."""

    code: ClassVar[str] = "account_missing"


class AssetMismatch(LedgerRefusal):
    """A leg names accounts of two different assets, or one account twice."""

    code: ClassVar[str] = "asset_mismatch"


class HoldMissing(LedgerRefusal):
    """There is no such hold."""

    code: ClassVar[str] = "hold_missing"


class HoldAlreadyResolved(LedgerRefusal):
    """The hold was captured or released before."""

    code: ClassVar[str] = "hold_already_resolved"


class HoldExpired(LedgerRefusal):
    """The hold has expired: it can only be released."""

    code: ClassVar[str] = "hold_expired"


class HoldExceeded(LedgerRefusal):
    """The capture is larger than the hold."""

    code: ClassVar[str] = "hold_exceeded"


class NothingReserved(LedgerRefusal):
    """Neither account of the hold has a minimum balance to reserve against."""

    code: ClassVar[str] = "nothing_reserved"


class TransactionMissing(LedgerRefusal):
    """There is no such posted transaction to reverse."""

    code: ClassVar[str] = "transaction_missing"


class AlreadyReversed(LedgerRefusal):
    """The transaction was reversed before."""

    code: ClassVar[str] = "already_reversed"


class IdempotencyConflict(LedgerRefusal):
    """The Idempotency-Key was used before for a different request."""

    code: ClassVar[str] = "idempotency_conflict"


REFUSALS: Mapping[str, type[LedgerRefusal]] = {
    refusal.code: refusal
    for refusal in (
        InsufficientFunds,
        AccountMissing,
        AssetMismatch,
        HoldMissing,
        HoldAlreadyResolved,
        HoldExpired,
        HoldExceeded,
        NothingReserved,
        TransactionMissing,
        AlreadyReversed,
        IdempotencyConflict,
    )
}
