"""The queries of a verification; each answers the first wrong row: its table, its id and what differs."""

from sqlalchemy import text

SIZES = text(
    """
    SELECT (SELECT count(*) FROM ledger_accounts) AS accounts,
        (SELECT count(*) FROM ledger_transactions) AS transactions,
        (SELECT count(*) FROM ledger_transfers) AS transfers, (SELECT count(*) FROM ledger_seals) AS seals
    """
)

# Each seal follows from the one before it, and the ranges of a table leave no gap.
SEAL_CHAIN = text(
    """
    SELECT 'ledger_seals' AS table_name, s.id AS row_id,
        CASE WHEN s.digest <> ledger_seal_digest(s.previous, s.subject, s.first_id, s.last_id, s.leaves)
                THEN 'digest does not follow from its contents'
            WHEN s.previous <> coalesce(before.digest, '') THEN 'previous is not the digest of the seal before'
            ELSE 'its range does not begin where the one before ended' END AS differs
    FROM ledger_seals AS s
    LEFT JOIN ledger_seals AS before ON before.id = s.id - 1
    LEFT JOIN LATERAL (SELECT max(b.last_id) AS last_id FROM ledger_seals AS b
        WHERE b.subject = s.subject AND b.last_id < s.first_id AND b.id < s.id) AS below ON true
    WHERE s.id BETWEEN :first AND :last AND (
        s.digest <> ledger_seal_digest(s.previous, s.subject, s.first_id, s.last_id, s.leaves)
        OR s.previous <> coalesce(before.digest, '') OR s.first_id <> coalesce(below.last_id, 0) + 1
        OR (before.id IS NULL AND s.id <> 1))
    ORDER BY s.id LIMIT 1
    """
)

# The rows of a sealed range still hash to the leaves that were sealed.
SEAL = text(
    """
    SELECT 'ledger_seals' AS table_name, s.id AS row_id, 'its rows are not those that were sealed' AS differs
    FROM ledger_seals AS s WHERE s.id = :seal_id AND s.leaves IS DISTINCT FROM CASE s.subject
        WHEN 'accounts' THEN (SELECT string_agg(l.leaf, ''::bytea ORDER BY l.id) FROM ledger_account_leaves AS l
            WHERE l.id BETWEEN s.first_id AND s.last_id)
        WHEN 'transactions' THEN (SELECT string_agg(l.leaf, ''::bytea ORDER BY l.id) FROM ledger_transaction_leaves AS l
            WHERE l.id BETWEEN s.first_id AND s.last_id)
        ELSE (SELECT string_agg(l.leaf, ''::bytea ORDER BY l.id) FROM ledger_transfer_leaves AS l
            WHERE l.id BETWEEN s.first_id AND s.last_id) END
    """
)

# Where the leaves first differ. Rows added or removed shift those after them, so the position is that of the first.
_ALTERED_ROW = """
    SELECT 'ledger_{subject}' AS table_name, coalesce(l.id, s.last_id) AS row_id,
        CASE WHEN n.total = s.row_count THEN 'it is not the row that was sealed'
            WHEN n.total < s.row_count THEN 'a sealed row at or before it is gone'
            ELSE 'it was added to a range already sealed, or one before it was' END AS differs
    FROM ledger_seals AS s
    CROSS JOIN LATERAL (SELECT count(*) AS total FROM ledger_{subject} AS t
        WHERE t.id BETWEEN s.first_id AND s.last_id) AS n
    CROSS JOIN LATERAL (
        SELECT id, leaf, row_number() OVER (ORDER BY id) AS place FROM ledger_{noun}_leaves
        WHERE id BETWEEN s.first_id AND s.last_id
        UNION ALL SELECT NULL, NULL, n.total + 1) AS l
    WHERE s.id = :seal_id AND l.leaf IS DISTINCT FROM substr(s.leaves, (16 * (l.place - 1) + 1)::integer, 16)
    ORDER BY l.place LIMIT 1
"""
ALTERED_ROW = {
    f"{noun}s": text(_ALTERED_ROW.format(subject=f"{noun}s", noun=noun))
    for noun in ("account", "transaction", "transfer")
}

# Every entry follows from the one before it on the same account. Inside the range that is the previous row of a window;
# only the first of each account in the range, and what does not follow, is looked at again.
CHAIN = text(
    """
    WITH side AS (
        SELECT id, debit_account_id AS account, debit_version AS version, debit_balance AS balance, debit_held AS held,
            CASE WHEN phase IN ('posted', 'post') THEN amount ELSE 0 END AS moved,
            CASE phase WHEN 'posted' THEN 0 WHEN 'pending' THEN amount ELSE -(SELECT h.amount FROM ledger_transfers AS h
                WHERE h.id = t.resolves_id AND h.debit_version IS NOT NULL) END AS holds, true AS is_debit
        FROM ledger_transfers AS t WHERE id BETWEEN :first AND :last AND debit_version IS NOT NULL
        UNION ALL
        SELECT id, credit_account_id, credit_version, credit_balance, credit_held,
            CASE WHEN phase IN ('posted', 'post') THEN amount ELSE 0 END,
            CASE phase WHEN 'posted' THEN 0 WHEN 'pending' THEN amount ELSE -(SELECT h.amount FROM ledger_transfers AS h
                WHERE h.id = t.resolves_id AND h.credit_version IS NOT NULL) END, false
        FROM ledger_transfers AS t WHERE id BETWEEN :first AND :last AND credit_version IS NOT NULL
    ), chained AS (
        SELECT *, lag(version) OVER chain AS version_before, lag(balance) OVER chain AS balance_before,
            lag(held) OVER chain AS held_before
        FROM side WINDOW chain AS (PARTITION BY account ORDER BY version)
    ), doubtful AS (
        SELECT c.*, CASE WHEN is_debit = (a.kind IN ('asset', 'expense')) THEN moved ELSE -moved END AS change
        FROM chained AS c LEFT JOIN ledger_accounts AS a ON a.id = c.account
        WHERE version_before IS NULL OR c.version <> version_before + 1
            OR c.held IS DISTINCT FROM held_before + coalesce(holds, 0)
            OR c.balance IS DISTINCT FROM balance_before
                + CASE WHEN is_debit = (a.kind IN ('asset', 'expense')) THEN moved ELSE -moved END
    ), followed AS (
        SELECT c.id, c.account, c.version, c.balance, c.held, c.change, c.holds,
            CASE WHEN c.version_before IS NOT NULL THEN c.version_before WHEN c.version = 1 THEN 0 ELSE p.version
                END AS version_before,
            CASE WHEN c.version_before IS NOT NULL THEN c.balance_before WHEN c.version = 1 THEN 0 ELSE p.balance
                END AS balance_before,
            CASE WHEN c.version_before IS NOT NULL THEN c.held_before WHEN c.version = 1 THEN 0 ELSE p.held
                END AS held_before
        FROM doubtful AS c LEFT JOIN LATERAL (
            (SELECT e.debit_version AS version, e.debit_balance AS balance, e.debit_held AS held
             FROM ledger_transfers AS e WHERE e.debit_account_id = c.account AND e.debit_version = c.version - 1)
            UNION ALL
            (SELECT e.credit_version, e.credit_balance, e.credit_held
             FROM ledger_transfers AS e WHERE e.credit_account_id = c.account AND e.credit_version = c.version - 1)
            LIMIT 1) AS p ON true
    )
    SELECT 'ledger_transfers' AS table_name, f.id AS row_id,
        CASE WHEN version_before IS NULL OR f.version <> version_before + 1
                THEN 'no entry of account ' || account || ' has the version before ' || f.version
            WHEN f.held IS DISTINCT FROM held_before + coalesce(holds, 0)
                THEN 'account ' || account || ' cannot have held ' || f.held || ' after it'
            ELSE 'account ' || account || ' cannot have a balance of ' || f.balance || ' after it' END AS differs
    FROM followed AS f
    WHERE version_before IS NULL OR f.version <> version_before + 1
        OR f.held IS DISTINCT FROM held_before + coalesce(holds, 0)
        OR f.balance IS DISTINCT FROM balance_before + change
    ORDER BY f.id LIMIT 1
    """
)

# A resolution fits its hold.
RESOLUTIONS = text(
    """
    SELECT 'ledger_transfers' AS table_name, r.id AS row_id, 'it does not fit the hold that it resolves' AS differs
    FROM ledger_transfers AS r
    JOIN ledger_accounts AS d ON d.id = r.debit_account_id
    JOIN ledger_accounts AS c ON c.id = r.credit_account_id
    LEFT JOIN ledger_transfers AS h ON h.id = r.resolves_id
    WHERE r.id BETWEEN :first AND :last AND r.resolves_id IS NOT NULL AND (h.phase IS DISTINCT FROM 'pending'
        OR CASE r.phase WHEN 'post' THEN r.amount > h.amount ELSE r.amount <> h.amount END
        OR h.debit_account_id <> coalesce(d.shard_of, d.id) OR h.credit_account_id <> coalesce(c.shard_of, c.id))
    ORDER BY r.id LIMIT 1
    """
)

# A posted transaction has its transfers, and a refused one has none. The range is said of both tables, and the first is
# asked for as a minimum: else the planner reads all of a table for each range of the other, or all of both in order.
TRANSACTIONS = text(
    """
    SELECT 'ledger_transfers' AS table_name, min(m.id) AS row_id,
        'its transaction is missing or was refused' AS differs
    FROM ledger_transfers AS m LEFT JOIN ledger_transactions AS t
        ON t.id = m.transaction_id AND t.outcome = 'posted' AND t.id BETWEEN :first AND :last
    WHERE m.transaction_id BETWEEN :first AND :last AND t.id IS NULL
    HAVING count(*) > 0
    """
)

# An account's totals are those after its last entry.
ACCOUNTS = text(
    """
    SELECT 'ledger_accounts' AS table_name, a.id AS row_id,
        CASE WHEN l.version IS NULL THEN 'its last entry, version ' || a.version || ', is missing'
            ELSE 'its totals are not those after its last entry' END AS differs
    FROM ledger_accounts AS a LEFT JOIN LATERAL (
        SELECT * FROM (
            (SELECT e.debit_version AS version, e.debit_balance AS balance, e.debit_held AS held
             FROM ledger_transfers AS e WHERE e.debit_account_id = a.id AND e.debit_version IS NOT NULL
             ORDER BY e.debit_version DESC LIMIT 1)
            UNION ALL
            (SELECT e.credit_version, e.credit_balance, e.credit_held
             FROM ledger_transfers AS e WHERE e.credit_account_id = a.id AND e.credit_version IS NOT NULL
             ORDER BY e.credit_version DESC LIMIT 1)) AS newest ORDER BY version DESC LIMIT 1) AS l ON true
    WHERE a.id BETWEEN :first AND :last
        AND (a.version, a.posted, a.held) IS DISTINCT FROM
            (coalesce(l.version, 0), coalesce(l.balance, 0), coalesce(l.held, 0))
    ORDER BY a.id LIMIT 1
    """
)
