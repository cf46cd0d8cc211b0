"""What must always be true of the ledger and of the rows that refer to it, each as a query that finds violations."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

FINDINGS_MAX: Final = 20
CHUNK: Final = 5000
_FLOWS_STAND: Final = "a flow stands where its deposit, withdrawal, conversion or sweep stands"
Occasion = Literal["minute", "day", "command"]
_OCCASIONS: Final[tuple[Occasion, ...]] = ("minute", "day", "command")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks one invariant."""

    invariant: str
    subject: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}"


@dataclass(frozen=True, slots=True)
class Invariant:
    """A query that names violations among the rows `:ids` of one table; an empty answer is the good one.

    `asked` says how often: each `minute` on what moved, on everything once a `day` if it reads a row's whole past, or
    only by the `command` if it follows from what that already verifies, each entry following from the one before it.
    """

    table: str
    name: str
    query: str
    asked: Occasion = "minute"


def _flow_stands(table: str, noun: str) -> Invariant:
    query = f"""
        SELECT '{noun} flow ' || f.short_id FROM {table} AS item JOIN flows AS f ON f.group_id = item.flow_id
        WHERE item.id = ANY(:ids) AND item.state <> f.state
    """  # noqa: S608 - constants
    return Invariant(table, _FLOWS_STAND, query)


OF_ROWS: Final = (
    Invariant(
        "ledger_accounts",
        "an account's totals are those after its last transfer",
        """
        SELECT 'account ' || a.id || ': posted ' || a.posted || ', held ' || a.held
        FROM ledger_accounts AS a LEFT JOIN LATERAL (
            SELECT e.balance, e.held FROM ledger_entries AS e
            WHERE e.account_id = a.id AND e.version = a.version LIMIT 1) AS latest ON true
        WHERE a.id = ANY(:ids) AND a.version > 0 AND (a.posted, a.held) IS DISTINCT FROM (latest.balance, latest.held)
        """,
    ),
    Invariant(
        "ledger_accounts",
        "an account holds what its open holds reserve",
        """
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
        WHERE a.id = ANY(:ids) AND a.floor IS NOT NULL AND a.held <> open_holds.reserved
        """,
        asked="command",
    ),
    Invariant(
        "ledger_accounts",
        "an account without a floor holds nothing",
        """
        SELECT 'account ' || id || ': holds ' || held FROM ledger_accounts
        WHERE id = ANY(:ids) AND floor IS NULL AND held <> 0
        """,
    ),
    Invariant(
        "deposits",
        "a credited deposit has its ledger transaction",
        """
        SELECT 'deposit ' || d.id FROM deposits AS d
        LEFT JOIN ledger_transactions AS t ON t.id = d.credit_transaction_id AND t.kind = 'deposit_credit'
            AND t.outcome = 'posted'
        LEFT JOIN ledger_transfers AS l ON l.transaction_id = t.id AND l.amount = d.amount_minor
        WHERE d.id = ANY(:ids) AND d.state = 'credited' AND l.id IS NULL
        """,
    ),
    Invariant(
        "deposits",
        "a deposit is credited once more than it was undone",
        """
        SELECT 'deposit ' || d.id FROM deposits AS d
        JOIN ledger_transactions AS t ON t.flow_id = d.flow_id AND t.outcome = 'posted'
        WHERE d.id = ANY(:ids) GROUP BY d.id, d.state
        HAVING count(*) FILTER (WHERE t.kind = 'deposit_credit')
             - count(*) FILTER (WHERE t.kind IN ('deposit_reversal', 'deposit_undone_after_spending'))
            <> CASE WHEN d.state = 'credited' THEN 1 ELSE 0 END
        """,
    ),
    Invariant(
        "deposits",
        "suspense has the money of a deposit that is set aside",
        """
        SELECT 'deposit ' || d.id FROM deposits AS d
        JOIN deposit_quarantines AS q ON q.deposit_id = d.id
        LEFT JOIN ledger_transactions AS t ON t.flow_id = d.flow_id AND t.outcome = 'posted'
        WHERE d.id = ANY(:ids) GROUP BY d.id, d.state, d.is_quarantined, q.held_transaction_id, q.decision
        HAVING count(*) FILTER (WHERE t.kind = 'deposit_quarantined')
             - count(*) FILTER (WHERE t.kind = 'deposit_quarantine_undone')
            <> CASE WHEN q.held_transaction_id IS NULL THEN 0 ELSE 1 END
            OR d.is_quarantined <> (q.decision IS DISTINCT FROM 'release')
            OR (d.state = 'returned' AND q.held_transaction_id IS NULL)
        """,
    ),
    _flow_stands("deposits", "deposit"),
    Invariant(
        "withdrawals",
        "an open withdrawal holds its funds, a closed one does not",
        """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        CROSS JOIN LATERAL unnest(ARRAY[w.amount_hold_id, w.fee_hold_id]) AS hold(id)
        LEFT JOIN ledger_transfers AS r ON r.resolves_id = hold.id
        WHERE w.id = ANY(:ids) AND hold.id IS NOT NULL AND (r.id IS NULL) <> (w.closed_at IS NULL)
        """,
    ),
    Invariant(
        "withdrawals",
        "a completed withdrawal posted its hold, any other closed one voided it",
        """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        CROSS JOIN LATERAL unnest(ARRAY[w.amount_hold_id, w.fee_hold_id]) AS hold(id)
        JOIN ledger_transfers AS r ON r.resolves_id = hold.id
        WHERE w.id = ANY(:ids) AND r.phase <> CASE WHEN w.state = 'completed' THEN 'post' ELSE 'void' END
        """,
    ),
    Invariant(
        "withdrawals",
        "nothing was sent that is not stored",
        """
        SELECT 'withdrawal ' || w.id FROM withdrawals AS w
        LEFT JOIN payout_transactions AS p ON p.payout_id = w.payout_id
        WHERE w.id = ANY(:ids) AND p.id IS NULL
            AND w.state IN ('signed', 'broadcast', 'confirming', 'completed', 'uncertain')
        """,
    ),
    _flow_stands("withdrawals", "withdrawal"),
    # Nothing else reserves users' money. Checked from the accounts that hold something; the other direction is checked
    # above.
    Invariant(
        "ledger_accounts",
        "what a user's account holds is of open withdrawals and conversions",
        """
        SELECT 'account ' || a.id || ': holds ' || a.held FROM ledger_accounts AS a
        WHERE a.id = ANY(:ids) AND a.owner_id IS NOT NULL AND a.held <> 0 AND a.held <> (
            SELECT coalesce(sum(w.amount_minor + CASE WHEN w.fee_hold_id IS NULL THEN 0 ELSE w.fee_minor END), 0)
            FROM withdrawals AS w
            WHERE w.user_id = a.owner_id AND w.asset_id = a.asset_id AND w.closed_at IS NULL
        ) + (
            SELECT coalesce(sum(q.taken_minor), 0)
            FROM conversions AS c JOIN conversion_quotes AS q ON q.id = c.quote_id
            WHERE c.user_id = a.owner_id AND c.closed_at IS NULL AND q.from_asset_id = a.asset_id
        )
        """,
        asked="day",
    ),
    Invariant(
        "conversions",
        "an open conversion holds what it takes, a closed one does not",
        """
        SELECT 'conversion ' || c.id FROM conversions AS c
        JOIN conversion_quotes AS q ON q.id = c.quote_id
        CROSS JOIN LATERAL (
            SELECT sum(h.amount) AS minor, count(r.id) AS resolved, count(*) AS holds
            FROM unnest(ARRAY[c.net_hold_id, c.spread_hold_id, c.fee_hold_id]) AS hold(id)
            JOIN ledger_transfers AS h ON h.id = hold.id
            LEFT JOIN ledger_transfers AS r ON r.resolves_id = hold.id) AS held
        WHERE c.id = ANY(:ids) AND (held.minor IS DISTINCT FROM q.taken_minor
            OR held.resolved <> CASE WHEN c.closed_at IS NULL THEN 0 ELSE held.holds END)
        """,
    ),
    Invariant(
        "conversions",
        "a completed conversion posted its holds and paid what was quoted, any other closed one voided them",
        """
        SELECT 'conversion ' || c.id FROM conversions AS c
        JOIN conversion_quotes AS q ON q.id = c.quote_id
        CROSS JOIN LATERAL (
            SELECT bool_and(r.phase = CASE WHEN c.state = 'completed' THEN 'post' ELSE 'void' END) AS as_said
            FROM unnest(ARRAY[c.net_hold_id, c.spread_hold_id, c.fee_hold_id]) AS hold(id)
            JOIN ledger_transfers AS r ON r.resolves_id = hold.id) AS holds
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS minor FROM ledger_transfers AS t
            JOIN ledger_accounts AS paid ON paid.id = t.credit_account_id
            WHERE t.transaction_id = c.transaction_id AND t.asset_id = q.to_asset_id AND t.phase = 'posted'
                AND paid.owner_id = c.user_id) AS bought
        WHERE c.id = ANY(:ids) AND c.closed_at IS NOT NULL AND (NOT holds.as_said
            OR bought.minor <> CASE WHEN c.state = 'completed' THEN q.receives_minor ELSE 0 END)
        """,
    ),
    _flow_stands("conversions", "conversion"),
    _flow_stands("sweeps", "sweep"),
    Invariant(
        "sweeps",
        "what is left on an address is what its newest sweep left",
        """
        SELECT 'address ' || here.address_id FROM (SELECT DISTINCT address_id FROM sweeps WHERE id = ANY(:ids)) AS here
        LEFT JOIN swept_addresses AS noted ON noted.address_id = here.address_id
        LEFT JOIN LATERAL (SELECT left_minor FROM sweeps AS s
            WHERE s.address_id = here.address_id AND s.left_minor IS NOT NULL
            ORDER BY s.closed_at DESC LIMIT 1) AS newest ON true
        WHERE noted.left_minor IS DISTINCT FROM newest.left_minor
        """,
    ),
)

ITEMS: Final = ("deposits", "withdrawals", "conversions", "sweeps")
"""The tables whose rows each have a flow."""
TABLES: Final = ("ledger_accounts", *ITEMS)

# These read all accounts, or all rows of a small table.
OF_THE_HOUSE: Final = {
    "debits equal credits in every asset": """
        SELECT asset_id || ': off by ' || sum(CASE WHEN kind IN ('asset', 'expense') THEN posted ELSE -posted END)
        FROM ledger_accounts GROUP BY asset_id
        HAVING sum(CASE WHEN kind IN ('asset', 'expense') THEN posted ELSE -posted END) <> 0
    """,
    # A reader never passes the last seal, unless seals were removed, with or without the rows that they sealed.
    "nothing that was sealed is gone": """
        SELECT 'reader ' || name || ': stands at transfer ' || transfer_id FROM ledger_readers
        WHERE transfer_id > (SELECT coalesce(max(last_id), 0) FROM ledger_seals WHERE subject = 'transfers')
    """,
    "what is left on the addresses of a chain is known": """
        SELECT 'chain ' || coalesce(summed.chain, noted.chain)
        FROM (SELECT chain, sum(left_minor) AS left_minor FROM swept_addresses GROUP BY chain) AS summed
        FULL JOIN swept_chains AS noted ON noted.chain = summed.chain
        WHERE coalesce(noted.left_minor, 0) <> coalesce(summed.left_minor, 0)
    """,
    # Of the alerts that stand, and those that changed last: older ones cost nothing.
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
    """Everything that is broken now, up to a few findings of each kind; empty when all is well. Reads every row."""
    found = [of_the_house(session)]
    for table in TABLES:
        after = None
        while ids := next_ids(session, table, after=after, limit=CHUNK):
            found.append(among(session, table, ids, occasion="command"))
            after = ids[-1]
    kinds: dict[str, list[Finding]] = {}
    for finding in chain.from_iterable(found):
        kinds.setdefault(finding.invariant, []).append(finding)
    return [finding for kind in kinds.values() for finding in kind[:FINDINGS_MAX]]


def among(session: Session, table: str, ids: Collection[Any], *, occasion: Occasion = "minute") -> list[Finding]:
    """What is broken among these rows of a table, by the invariants asked on this occasion or more often."""
    asked = _OCCASIONS[: _OCCASIONS.index(occasion) + 1]
    kept = [invariant for invariant in OF_ROWS if invariant.table == table and invariant.asked in asked]
    found = (_findings(session, invariant.name, invariant.query, ids=list(ids)) for invariant in kept if ids)
    return list(chain.from_iterable(found))


def of_the_house(session: Session) -> list[Finding]:
    """What is broken in the house as a whole."""
    return list(chain.from_iterable(_findings(session, name, query) for name, query in OF_THE_HOUSE.items()))


def next_ids(session: Session, table: str, *, after: Any | None, limit: int) -> Sequence[Any]:
    """The ids of the rows of a table that follow this one, in order."""
    following = "" if after is None else "WHERE id > :after"
    query = text(f"SELECT id FROM {table} {following} ORDER BY id LIMIT :limit")  # noqa: S608 - a table of ours
    return session.scalars(query, {"limit": limit} if after is None else {"after": after, "limit": limit}).all()


def _findings(session: Session, name: str, query: str, **parameters: Any) -> Iterator[Finding]:
    for (subject,) in session.execute(text(f"{query} LIMIT :most"), {"most": FINDINGS_MAX, **parameters}):
        yield Finding(name, subject)
