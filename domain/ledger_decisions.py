"""The ledger's decisions: what each transaction of a batch does to the accounts it names, or why it is refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.errors import ensure
from domain.ledger import (
    DEBIT_NORMAL,
    AccountMissing,
    AlreadyReversed,
    AssetMismatch,
    Hold,
    HoldAlreadyResolved,
    HoldExceeded,
    HoldExpired,
    HoldMissing,
    IdempotencyConflict,
    InsufficientFunds,
    LedgerRefusal,
    Leg,
    NothingReserved,
    Outcome,
    Post,
    Transaction,
    TransactionMissing,
    Transfer,
    Void,
    request_hash,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Account:
    """A locked account. `id` is the row to write to: of an account that is split, a shard's.

    One that `is_named_only` was read without a lock: a hold may name it, but nothing may move it.
    """

    id: int
    asset_id: str
    kind: str
    posted: int
    held: int
    floor: int | None
    is_named_only: bool = False


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold to be resolved: what it reserved, on which sides, and whether it was resolved already."""

    id: int
    debit_account: int
    credit_account: int
    asset_id: str
    amount_minor: int
    reserved_on_debit: bool
    reserved_on_credit: bool
    expires_at_us: int | None
    resolved: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """A transaction that already has a key."""

    request_hash: bytes
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that a decision may depend on, read under locks.

    `reversible` maps the id of a posted transaction to whether it was reversed.
    """

    accounts: Mapping[int, Account]
    earlier: Mapping[str, Earlier] = field(default_factory=dict)
    holds: Mapping[int, OpenHold] = field(default_factory=dict)
    reversible: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer row to write."""

    phase: str
    asset_id: str
    debit_account: int
    credit_account: int
    amount_minor: int
    resolves: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one transaction: write `movements`, record `refusal`, or repeat an earlier answer.

    `answer` is the outcome recorded earlier; `same_as` is the index, in this batch, of the transaction that this one
    repeats.
    """

    request_hash: bytes
    movements: tuple[Movement, ...] = ()
    refusal: str | None = None
    answer: Outcome | None = None
    same_as: int | None = None


def decide(transactions: Sequence[Transaction], known: Known, asked: Sequence[bytes] | None = None) -> list[Decision]:
    """Decide a batch in order: each transaction sees the effects of those before it, and is carried out whole or not.

    `asked` are the request hashes, if the caller has them already.
    """
    books = _Books(known)
    places: dict[str, int] = {}
    decisions: list[Decision] = []
    hashes = map(request_hash, transactions) if asked is None else asked
    for place, (transaction, body) in enumerate(zip(transactions, hashes, strict=True)):
        earlier, first = known.earlier.get(transaction.key), places.get(transaction.key)
        if earlier is not None:
            decisions.append(_answered(body, earlier))
        elif first is not None:
            conflict = None if decisions[first].request_hash == body else IdempotencyConflict.code
            decisions.append(Decision(body, refusal=conflict, same_as=first))
        else:
            places[transaction.key] = place
            decisions.append(books.carry_out(transaction, body))
    return decisions


def _answered(asked: bytes, earlier: Earlier) -> Decision:
    before = earlier.outcome
    refused = before.refused if earlier.request_hash == asked else IdempotencyConflict.code
    ids = before.transfer_ids if earlier.request_hash == asked else ()
    return Decision(asked, answer=Outcome(before.transaction_id, ids, refused, replayed=refused == before.refused))


class _Books:
    """The accounts while a batch is decided; a refused transaction leaves no trace in them."""

    def __init__(self, known: Known) -> None:
        self._accounts = known.accounts
        self._holds = known.holds
        self._resolved = {hold.id for hold in known.holds.values() if hold.resolved}
        self._reversible = dict(known.reversible)
        self._undo: list[tuple[Account, int, int]] = []

    def carry_out(self, transaction: Transaction, asked: bytes) -> Decision:
        """Do all legs, or none and say why."""
        self._undo.clear()
        resolving: list[int] = []
        try:
            if transaction.reverses is not None:
                self._refuse_second_reversal(transaction.reverses)
            movements = tuple(self._leg(leg, transaction, resolving) for leg in transaction.legs)
        except LedgerRefusal as refusal:
            for account, posted, held in self._undo:
                account.posted -= posted
                account.held -= held
            self._resolved.difference_update(resolving)
            return Decision(asked, refusal=refusal.code)
        if transaction.reverses is not None:
            self._reversible[transaction.reverses] = True
        return Decision(asked, movements)

    def _refuse_second_reversal(self, reverses: int) -> None:
        if reverses not in self._reversible:
            raise TransactionMissing
        if self._reversible[reverses]:
            raise AlreadyReversed

    def _leg(self, leg: Leg, transaction: Transaction, resolving: list[int]) -> Movement:
        match leg:
            case Transfer():
                return self._transfer(leg)
            case Hold():
                return self._hold(leg)
            case Post() | Void():
                return self._resolve(leg, transaction, resolving)

    def _transfer(self, leg: Transfer) -> Movement:
        debit, credit = self._movable(leg.debit_account), self._movable(leg.credit_account)
        _check(debit, credit, leg.amount_minor)
        self._move(debit, credit, leg.amount_minor)
        return Movement("posted", debit.asset_id, debit.id, credit.id, leg.amount_minor)

    def _hold(self, leg: Hold) -> Movement:
        debit, credit = self._named(leg.debit_account), self._named(leg.credit_account)
        _check(debit, credit, leg.amount_minor)
        reserved_on = [side for side in _falling(debit, credit) if side.floor is not None]
        if not reserved_on:
            raise NothingReserved
        for side in reserved_on:
            self._change(side, 0, leg.amount_minor)
        # Accounts as named, not shards: a shard is chosen when money is really taken.
        return Movement(
            "pending",
            debit.asset_id,
            leg.debit_account,
            leg.credit_account,
            leg.amount_minor,
            expires_at=leg.expires_at,
        )

    def _resolve(self, leg: Post | Void, transaction: Transaction, resolving: list[int]) -> Movement:
        hold = self._holds.get(leg.hold)
        if hold is None:
            raise HoldMissing
        if hold.id in self._resolved:
            raise HoldAlreadyResolved
        self._resolved.add(hold.id)
        resolving.append(hold.id)
        debit, credit = self._named(hold.debit_account), self._named(hold.credit_account)
        if hold.reserved_on_debit:
            self._change(debit, 0, -hold.amount_minor)
        if hold.reserved_on_credit:
            self._change(credit, 0, -hold.amount_minor)
        if isinstance(leg, Void):
            return Movement(
                "void", hold.asset_id, hold.debit_account, hold.credit_account, hold.amount_minor, resolves=hold.id
            )
        amount_minor = hold.amount_minor if leg.amount_minor is None else leg.amount_minor
        if hold.expires_at_us is not None and hold.expires_at_us <= _microseconds(transaction.effective_at):
            raise HoldExpired
        if amount_minor > hold.amount_minor:
            raise HoldExceeded
        debit, credit = self._movable(hold.debit_account), self._movable(hold.credit_account)
        _check(debit, credit, amount_minor)
        self._move(debit, credit, amount_minor)
        return Movement("post", hold.asset_id, debit.id, credit.id, amount_minor, resolves=hold.id)

    def _named(self, account_id: int) -> Account:
        account = self._accounts.get(account_id)
        if account is None:
            raise AccountMissing
        return account

    def _movable(self, account_id: int) -> Account:
        account = self._named(account_id)
        ensure(not account.is_named_only, f"account {account_id} is to move but was not locked")
        return account

    def _move(self, debit: Account, credit: Account, amount_minor: int) -> None:
        self._change(debit, amount_minor if debit.kind in DEBIT_NORMAL else -amount_minor, 0)
        self._change(credit, -amount_minor if credit.kind in DEBIT_NORMAL else amount_minor, 0)

    def _change(self, account: Account, posted: int, held: int) -> None:
        account.posted += posted
        account.held += held
        self._undo.append((account, posted, held))
        falls = posted < 0 or held > 0
        if falls and account.floor is not None and account.posted - account.held < account.floor:
            raise InsufficientFunds


def _check(debit: Account, credit: Account, amount_minor: int) -> None:
    ensure(amount_minor > 0, "an amount that is not positive reached the ledger")
    if debit is credit or debit.asset_id != credit.asset_id:
        raise AssetMismatch


def _falling(debit: Account, credit: Account) -> Iterable[Account]:
    if debit.kind not in DEBIT_NORMAL:
        yield debit
    if credit.kind in DEBIT_NORMAL:
        yield credit


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
