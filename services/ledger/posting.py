"""Post transactions: lock, decide in pure code, write. Two round trips for any number, one on the fast path."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg2.errors
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import ensure
from domain.ledger import (
    REFUSALS,
    AlreadyReversed,
    Hold,
    IdempotencyConflict,
    Outcome,
    Post,
    Transaction,
    Transfer,
    Void,
    request_hash,
)
from domain.ledger_decisions import Account, Decision, Earlier, Known, OpenHold, decide
from services.ledger import fast_path

BATCH_MAX = 10_000

Header = tuple[str, str, UUID | None, str, str]

_LOCK = "SELECT ledger_lock(%s, %s, %s, %s, %s, %s, %s, %s)"
_WRITE = "SELECT * FROM ledger_write(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


def post(session: Session, transactions: Sequence[Transaction]) -> list[Outcome]:
    """Carry out each transaction, or record why not; the outcomes are in the order of `transactions`.

    Everything, refusals included, commits with the caller's transaction, which runs at READ COMMITTED. Accounts stay
    locked until then, so call this once per transaction where possible, and as late in it as possible: two calls may
    wait for each other's locks in opposite orders, and then PostgreSQL ends one of the two.

    A known key answers as it did before; with another body the outcome is refused as `idempotency_conflict`. Raises
    IdempotencyConflict or AlreadyReversed (and the caller's transaction is lost) in the one case that a look-up cannot
    see: another caller commits the same key, for other accounts, between the two round trips.
    """
    ensure(len(transactions) <= BATCH_MAX, f"a call posts at most {BATCH_MAX} transactions")
    if not transactions:
        return []
    if len(transactions) == 1:
        at_once = fast_path.attempt(transactions[0], lambda said, parameters: said.rows(session, *parameters))
        if at_once is not None:
            return [at_once]
    connection = session.connection()
    # Computed before the locks are taken, so that nobody waits for it.
    asked = [request_hash(transaction) for transaction in transactions]
    written_as = [_header(*pair) for pair in zip(transactions, asked, strict=True)]
    decisions = decide(transactions, _lock(connection, transactions), asked)
    writing = [
        place for place, decision in enumerate(decisions) if decision.answer is None and decision.same_as is None
    ]
    outcomes: list[Outcome | None] = [decision.answer for decision in decisions]
    if writing:
        written = _write(connection, [(transactions[place], written_as[place], decisions[place]) for place in writing])
        for place, outcome in zip(writing, written, strict=True):
            outcomes[place] = outcome
    return [outcome or _repeated(outcomes, decisions[place]) for place, outcome in enumerate(outcomes)]


def post_one(session: Session, transaction: Transaction) -> Outcome:
    """Carry out one transaction or raise its refusal (a LedgerRefusal such as InsufficientFunds) by name."""
    outcome = post(session, [transaction])[0]
    if outcome.refused is not None:
        raise REFUSALS[outcome.refused]
    return outcome


def _repeated(outcomes: Sequence[Outcome | None], decision: Decision) -> Outcome:
    first = outcomes[decision.same_as] if decision.same_as is not None else None
    ensure(first is not None, "a decision was neither written, nor answered, nor a repetition")
    assert first is not None  # for the type checker; ensure() has made sure
    if decision.refusal is not None:
        return Outcome(first.transaction_id, (), decision.refusal)
    return Outcome(first.transaction_id, first.transfer_ids, first.refused, replayed=True)


def _lock(connection: Connection, transactions: Sequence[Transaction]) -> Known:
    """First round trip: take the locks and read all that the decisions depend on."""
    moving: set[int] = set()
    reserving: set[int] = set()
    mentions: list[tuple[int, int]] = []
    posts: list[int] = []
    voids: list[int] = []
    for ordinal, transaction in enumerate(transactions, 1):
        for leg in transaction.legs:
            match leg:
                case Transfer(debit, credit):
                    moving.update((debit, credit))
                    mentions += ((ordinal, debit), (ordinal, credit))
                case Hold(debit, credit):
                    reserving.update((debit, credit))
                case Post(hold):
                    posts.append(hold)
                case Void(hold):
                    voids.append(hold)
    answer: tuple[Any, ...] = connection.exec_driver_sql(
        _LOCK,
        (
            _array(sorted(moving)),
            _array(sorted(reserving - moving)),
            _array(_quoted(transaction.key) for transaction in transactions),
            _array(posts),
            _array(voids),
            _array(transaction.reverses for transaction in transactions if transaction.reverses is not None),
            _array(ordinal for ordinal, _ in mentions),
            _array(account for _, account in mentions),
        ),
    ).scalar_one()
    return _known(*answer)


def _known(
    accounts: list[list[Any]] | None,
    earlier: list[list[Any]] | None,
    holds: list[list[Any]] | None,
    reversals: list[list[Any]] | None,
) -> Known:
    return Known(
        {row[0]: Account(*row[1:]) for row in accounts or ()},
        {
            key: Earlier(bytes.fromhex(body), Outcome(transaction_id, tuple(transfer_ids), refusal))
            for key, transaction_id, body, refusal, transfer_ids in earlier or ()
        },
        {row[0]: OpenHold(*row) for row in holds or ()},
        {row[0]: row[1] for row in reversals or ()},
    )


def _header(transaction: Transaction, asked: bytes) -> Header:
    """What is written of a transaction whatever is decided, as elements of array literals."""
    return (
        _quoted(transaction.key),
        _quoted(transaction.kind),
        transaction.flow_id,
        f'"\\\\x{asked.hex()}"',
        f'"{transaction.effective_at.isoformat()}"',
    )


def _write(connection: Connection, decided: Sequence[tuple[Transaction, Header, Decision]]) -> list[Outcome]:
    """Second round trip: write what was decided, and learn the identities that it got."""
    rows = [(ordinal, row) for ordinal, (_, _, decision) in enumerate(decided, 1) for row in decision.movements]
    keys, kinds, flows, hashes, effective = zip(*(header for _, header, _ in decided), strict=True)
    parameters = (
        _array(keys),
        _array(kinds),
        _array(flows),
        _array(hashes),
        _array(decision.refusal for _, _, decision in decided),
        _array(None if decision.refusal else transaction.reverses for transaction, _, decision in decided),
        _array(effective),
        _array(ordinal for ordinal, _ in rows),
        _array(row.phase for _, row in rows),
        _array(_quoted(row.asset_id) for _, row in rows),
        _array(row.debit_account for _, row in rows),
        _array(row.credit_account for _, row in rows),
        _array(row.amount_minor for _, row in rows),
        _array(row.resolves for _, row in rows),
        _array(row.expires_at and f'"{row.expires_at.isoformat()}"' for _, row in rows),
    )
    try:
        transaction_ids, transfer_ids = connection.exec_driver_sql(_WRITE, parameters).one()
    except IntegrityError as error:
        _refuse_by_constraint(error)
        raise
    remaining = iter(transfer_ids or ())
    return [
        Outcome(transaction_id, tuple(next(remaining) for _ in decision.movements), decision.refusal)
        for transaction_id, (_, _, decision) in zip(transaction_ids, decided, strict=True)
    ]


def _refuse_by_constraint(error: IntegrityError) -> None:
    if not isinstance(error.orig, psycopg2.errors.UniqueViolation):
        return
    match error.orig.diag.constraint_name:
        case "uq_ledger_transactions_idempotency_key":
            raise IdempotencyConflict from error
        case "uq_ledger_transactions_reverses_id":
            raise AlreadyReversed from error


def _array(values: Iterable[object]) -> str:
    """A PostgreSQL array literal. One string is parsed far faster by the server than an ARRAY[…] of parameters."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
