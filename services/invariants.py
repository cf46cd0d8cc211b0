"""What must always be true of the books and of what they are about, each as a query that finds what breaks it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

FINDINGS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks one invariant."""

    invariant: str
    subject: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}"


# Each query names what breaks its invariant, so that an empty answer is the good one.
INVARIANTS: Final = {
    "debits equal credits in every asset": """
        SELECT asset_id || ': off by ' || sum(CASE WHEN kind IN ('asset', 'expense') THEN posted ELSE -posted END)
        FROM ledger_accounts GROUP BY asset_id
        HAVING sum(CASE WHEN kind IN ('asset', 'expense') THEN posted ELSE -posted END) <> 0
    """,
    # `ledger verify` proves that an entry's balance is the sum of all transfers before it. Here the accounts that moved
    # last are compared with their last entry, so that the cost does not grow with the history.
    "an account's totals are those after its last transfer": """
        SELECT 'account ' || a.id || ': posted ' || a.posted || ', held ' || a.held
        FROM ledger_accounts AS a LEFT JOIN LATERAL (
            SELECT e.balance, e.held FROM ledger_entries AS e
            WHERE e.account_id = a.id AND e.version = a.version) AS latest ON true
        WHERE a.version > 0 AND (a.posted, a.held) IS DISTINCT FROM (latest.balance, latest.held)
            AND a.id IN (SELECT unnest(ARRAY[debit_account_id, credit_account_id]) FROM (
                SELECT debit_account_id, credit_account_id FROM ledger_transfers ORDER BY id DESC LIMIT 5000) AS newest)
    """,
    # `ledger verify` proves it of every account. Here those are looked at that hold something or moved last, so that
    # holds which were resolved long ago cost nothing.
    "an account holds what its open holds reserve": """
        SELECT 'account ' || a.id || ': holds ' || a.held || ', open holds reserve ' || open_holds.reserved
        FROM ledger_accounts AS a CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS reserved FROM (
                SELECT h.id, h.amount FROM ledger_transfers AS h
                WHERE h.debit_account_id = a.id AND h.debit_version IS NOT NULL AND h.phase = 'pending'
                UNION ALL
                SELECT h.id, h.amount FROM ledger_transfers AS h
                WHERE h.credit_account_id = a.id AND h.credit_version IS NOT NULL AND h.phase = 'pending'
            ) AS reservation (hold_id, amount)
            WHERE NOT EXISTS (SELECT FROM ledger_transfers AS r WHERE r.resolves_id = hold_id)) AS open_holds
        WHERE a.floor IS NOT NULL AND a.held <> open_holds.reserved
            AND (a.held <> 0 OR a.id IN (SELECT unnest(ARRAY[debit_account_id, credit_account_id]) FROM (
                SELECT debit_account_id, credit_account_id FROM ledger_transfers ORDER BY id DESC LIMIT 500) AS moved))
    """,
    "an account without a floor holds nothing": """
        SELECT 'account ' || id || ': holds ' || held FROM ledger_accounts WHERE floor IS NULL AND held <> 0
    """,
    "a credited deposit has its ledger transaction": """
        SELECT 'deposit ' || d.id FROM deposits AS d
        LEFT JOIN ledger_transactions AS t ON t.id = d.credit_transaction_id AND t.kind = 'deposit_credit'
            AND t.outcome = 'posted'
        LEFT JOIN ledger_transfers AS l ON l.transaction_id = t.id AND l.amount = d.amount_minor
        WHERE d.state = 'credited' AND l.id IS NULL
    """,
    "a deposit is credited once more than it was undone": """
        SELECT 'deposit ' || d.id FROM deposits AS d
        JOIN ledger_transactions AS t ON t.flow_id = d.flow_id AND t.outcome = 'posted'
        GROUP BY d.id, d.state
        HAVING count(*) FILTER (WHERE t.kind = 'deposit_credit')
             - count(*) FILTER (WHERE t.kind IN ('deposit_reversal', 'deposit_undone_after_spending'))
            <> CASE WHEN d.state = 'credited' THEN 1 ELSE 0 END
    """,
    "suspense has the money of a deposit that is set aside": """
        SELECT 'deposit ' || d.id FROM deposits AS d
        JOIN deposit_quarantines AS q ON q.deposit_id = d.id
        LEFT JOIN ledger_transactions AS t ON t.flow_id = d.flow_id AND t.outcome = 'posted'
        GROUP BY d.id, d.state, d.is_quarantined, q.held_transaction_id, q.decision
        HAVING count(*) FILTER (WHERE t.kind = 'deposit_quarantined')
             - count(*) FILTER (WHERE t.kind = 'deposit_quarantine_undone')
            <> CASE WHEN q.held_transaction_id IS NULL THEN 0 ELSE 1 END
            OR d.is_quarantined <> (q.decision IS DISTINCT FROM 'release')
            OR (d.state = 'returned' AND q.held_transaction_id IS NULL)
    """,
    "an open withdrawal holds its funds, a closed one does not": """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        CROSS JOIN LATERAL unnest(ARRAY[w.amount_hold_id, w.fee_hold_id]) AS hold(id)
        LEFT JOIN ledger_transfers AS r ON r.resolves_id = hold.id
        WHERE hold.id IS NOT NULL AND (r.id IS NULL) <> (w.closed_at IS NULL)
    """,
    "a completed withdrawal posted its hold, any other closed one voided it": """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        JOIN ledger_transfers AS r ON r.resolves_id IN (w.amount_hold_id, w.fee_hold_id)
        WHERE r.phase <> CASE WHEN w.state = 'completed' THEN 'post' ELSE 'void' END
    """,
    "nothing was sent that is not stored": """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        LEFT JOIN payout_transactions AS p ON p.payout_id = w.payout_id
        WHERE w.state IN ('signed', 'broadcast', 'confirming', 'completed', 'uncertain') AND p.id IS NULL
    """,
    "a flow stands where its deposit, withdrawal or sweep stands": """
        SELECT f.kind || ' flow ' || f.short_id FROM flows AS f
        JOIN (SELECT flow_id, state FROM deposits UNION ALL SELECT flow_id, state FROM withdrawals
            UNION ALL SELECT flow_id, state FROM sweeps) AS item
            ON item.flow_id = f.group_id
        WHERE item.state <> f.state
    """,
    # Of those that stand, and those that moved last: what was over long ago costs nothing.
    "an alert stands by its last transition, if that raised it": """
        SELECT 'alert ' || looked_at.fingerprint FROM (
            SELECT fingerprint FROM standing_alerts
            UNION SELECT fingerprint FROM (SELECT fingerprint FROM ops_alerts ORDER BY seq DESC LIMIT 500) AS moved
        ) AS looked_at
        LEFT JOIN standing_alerts AS stands ON stands.fingerprint = looked_at.fingerprint
        CROSS JOIN LATERAL (SELECT status, alert_event_id FROM ops_alerts AS a
            WHERE a.fingerprint = looked_at.fingerprint ORDER BY seq DESC LIMIT 1) AS newest
        WHERE stands.alert_event_id IS DISTINCT FROM
            CASE WHEN newest.status = 'raised' THEN newest.alert_event_id END
    """,
}


def check(session: Session) -> list[Finding]:
    """Everything that is broken now, up to a few findings of each kind; empty when all is well."""
    return [
        Finding(invariant, subject)
        for invariant, query in INVARIANTS.items()
        for (subject,) in session.execute(text(f"{query} LIMIT :most"), {"most": FINDINGS_MAX})
    ]
