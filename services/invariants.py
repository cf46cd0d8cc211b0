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
    "a flow stands where its deposit or withdrawal stands": """
        SELECT f.kind || ' flow ' || f.short_id FROM flows AS f
        JOIN (SELECT flow_id, state FROM deposits UNION ALL SELECT flow_id, state FROM withdrawals) AS item
            ON item.flow_id = f.group_id
        WHERE item.state <> f.state
    """,
}


def check(session: Session) -> list[Finding]:
    """Everything that is broken now, up to a few findings of each kind; empty when all is well."""
    return [
        Finding(invariant, subject)
        for invariant, query in INVARIANTS.items()
        for (subject,) in session.execute(text(f"{query} LIMIT :most"), {"most": FINDINGS_MAX})
    ]
