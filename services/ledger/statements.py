"""What happened to an account: statements page by page, the balance at a past moment, and CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger import DEBIT_NORMAL
from domain.money import format_amount

PAGE_MAX = 1_000

# Two index scans of a page's length each, merged: the cost does not grow with the account's age. The view of entries is
# not used: through it the planner does not see that the index is ordered, and sorts the whole history.
_PAGE = text(
    """
    SELECT e.version, e.transfer_id, e.transaction_id, e.side, e.phase, e.amount, e.balance, e.held,
        e.counter_account_id, c.code AS counter_code, c.owner_id AS counter_owner_id,
        t.kind, t.flow_id, t.effective_at, t.recorded_at, a.kind AS account_kind, a.asset_id
    FROM ((SELECT id AS transfer_id, transaction_id, 'debit' AS side, phase, amount, debit_balance AS balance,
               debit_held AS held, debit_version AS version, debit_account_id AS account_id,
               credit_account_id AS counter_account_id
           FROM ledger_transfers WHERE debit_account_id = :account_id AND debit_version < :before
           ORDER BY debit_version DESC LIMIT :limit)
          UNION ALL
          (SELECT id, transaction_id, 'credit', phase, amount, credit_balance, credit_held, credit_version,
               credit_account_id, debit_account_id
           FROM ledger_transfers WHERE credit_account_id = :account_id AND credit_version < :before
           ORDER BY credit_version DESC LIMIT :limit)) AS e
    JOIN ledger_transactions AS t ON t.id = e.transaction_id
    JOIN ledger_accounts AS a ON a.id = e.account_id
    JOIN ledger_accounts AS c ON c.id = e.counter_account_id
    ORDER BY e.version DESC LIMIT :limit
    """
)
_PARTS = text("SELECT id FROM ledger_accounts WHERE id = :account_id OR shard_of = :account_id ORDER BY id")
_AT_RECORDED = text(
    "SELECT coalesce(sum(ledger_balance_at(id, :moment)), 0) FROM ledger_accounts "
    "WHERE id = :account_id OR shard_of = :account_id"
)
_AT_EFFECTIVE = text(
    """
    SELECT coalesce(sum(CASE WHEN (e.side = 'debit') = (a.kind IN ('asset', 'expense')) THEN e.amount
        ELSE -e.amount END), 0)
    FROM ledger_accounts AS a JOIN ledger_entries AS e ON e.account_id = a.id
    JOIN ledger_transactions AS t ON t.id = e.transaction_id
    WHERE (a.id = :account_id OR a.shard_of = :account_id)
        AND e.phase IN ('posted', 'post') AND t.effective_at <= :moment
    """
)
_LAST = 2**62


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement. Amounts are in the smallest unit; `change_minor` is signed, 0 where only a hold moved.

    `balance_minor` and `held_minor` are the account's after it. `version` is the line's number and the page cursor.
    """

    version: int
    transfer_id: int
    transaction_id: int
    kind: str
    phase: str
    asset_id: str
    change_minor: int
    amount_minor: int
    balance_minor: int
    held_minor: int
    counter_code: str
    counter_owner_id: UUID | None
    flow_id: UUID | None
    effective_at: datetime
    recorded_at: datetime


def statement(session: Session, account_id: int, *, before_version: int | None = None, limit: int = 50) -> list[Entry]:
    """The account's entries, newest first, older than `before_version` (the last one of the page before).

    Of an account that was split into shards, this is the history before the split: ask for its parts one by one.
    """
    rows = session.execute(
        _PAGE,
        {
            "account_id": account_id,
            "before": _LAST if before_version is None else before_version,
            "limit": min(limit, PAGE_MAX),
        },
    )
    return [
        Entry(
            version=row.version,
            transfer_id=row.transfer_id,
            transaction_id=row.transaction_id,
            kind=row.kind,
            phase=row.phase,
            asset_id=row.asset_id,
            change_minor=_change(row.phase, row.side, row.account_kind, int(row.amount)),
            amount_minor=int(row.amount),
            balance_minor=int(row.balance),
            held_minor=int(row.held),
            counter_code=row.counter_code,
            counter_owner_id=row.counter_owner_id,
            flow_id=row.flow_id,
            effective_at=row.effective_at,
            recorded_at=row.recorded_at,
        )
        for row in rows
    ]


def parts(session: Session, account_id: int) -> list[int]:
    """The account and its shards: the rows whose statements together are its history."""
    return list(session.execute(_PARTS, {"account_id": account_id}).scalars())


def balance_at(session: Session, account_id: int, moment: datetime, *, effective: bool = False) -> int:
    """What the account had posted at a moment, in the smallest unit, shards included.

    By when it was recorded (a binary search over versions), or by when it happened (a sum over the whole history,
    because what happened earlier may have been recorded later).
    """
    found = session.execute(_AT_EFFECTIVE if effective else _AT_RECORDED, {"account_id": account_id, "moment": moment})
    return int(found.scalar_one())


def csv_lines(session: Session, account_id: int, *, decimals: int) -> Iterator[str]:
    """The whole statement as CSV, newest first, a page in memory at a time. Times are RFC 3339 UTC."""
    yield _csv_line(
        [
            "number",
            "recorded_at",
            "effective_at",
            "kind",
            "phase",
            "asset",
            "change",
            "balance",
            "held",
            "counterparty",
            "flow_id",
            "transaction_id",
        ]
    )
    before: int | None = None
    while page := statement(session, account_id, before_version=before, limit=PAGE_MAX):
        for entry in page:
            yield _csv_line(
                [
                    entry.version,
                    entry.recorded_at.isoformat(),
                    entry.effective_at.isoformat(),
                    entry.kind,
                    entry.phase,
                    entry.asset_id,
                    format_amount(entry.change_minor, decimals),
                    format_amount(entry.balance_minor, decimals),
                    format_amount(entry.held_minor, decimals),
                    entry.counter_code,
                    entry.flow_id or "",
                    entry.transaction_id,
                ]
            )
        before = page[-1].version


def _change(phase: str, side: str, account_kind: str, amount_minor: int) -> int:
    if phase in {"pending", "void"}:
        return 0
    return amount_minor if (side == "debit") == (account_kind in DEBIT_NORMAL) else -amount_minor


def _csv_line(fields: list[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return line.getvalue()
