-- The second half: write transactions and transfers, and move the accounts, in one statement that works out running
-- totals itself. What it is told is not believed: totals come from the rows, a resolution must fit its hold, an
-- account that moved meanwhile is refused, and the tables' constraints refuse the rest.
CREATE OR REPLACE FUNCTION ledger_write(p_keys text[], p_kinds text[], p_flows uuid[], p_hashes bytea[], p_refusals text[],
    p_reverses bigint[], p_effective timestamptz[],
    t_ordinals integer[], t_phases text[], t_assets text[], t_debits bigint[], t_credits bigint[], t_amounts numeric[],
    t_resolves bigint[], t_expires timestamptz[], OUT transaction_ids bigint[], OUT transfer_ids bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    transfers_written bigint;
    accounts_touched bigint;
    accounts_moved bigint;
BEGIN
    PERFORM pg_current_xact_id();  -- before identities are drawn: what seals rely on
    IF array_remove(t_resolves, NULL) <> '{}' AND EXISTS (
        SELECT FROM unnest(t_phases, t_debits, t_credits, t_amounts, t_resolves)
            AS t (phase, debit, credit, amount, resolves)
        LEFT JOIN ledger_transfers AS h ON h.id = t.resolves AND h.phase = 'pending'
        LEFT JOIN ledger_accounts AS d ON d.id = t.debit
        LEFT JOIN ledger_accounts AS c ON c.id = t.credit
        WHERE t.resolves IS NOT NULL AND (h.id IS NULL
            OR CASE t.phase WHEN 'post' THEN t.amount > h.amount ELSE t.amount <> h.amount END
            OR h.debit_account_id <> coalesce(d.shard_of, d.id)
            OR h.credit_account_id <> coalesce(c.shard_of, c.id))) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'a resolution does not fit its hold';
    END IF;
    SELECT array_agg(nextval('ledger_transactions_id_seq')) INTO transaction_ids
    FROM generate_series(1, cardinality(p_keys));
    SELECT array_agg(nextval('ledger_transfers_id_seq')) INTO transfer_ids
    FROM generate_series(1, cardinality(t_ordinals));

    WITH numbered AS (
        -- Amounts are rounded once, so that no side rounds differently.
        SELECT * FROM unnest(transfer_ids, t_ordinals, t_phases, t_assets, t_debits, t_credits,
            t_amounts::numeric(78, 0)[], t_resolves, t_expires)
            AS u (id, ordinal, phase, asset, debit, credit, amount, resolves, expires)
    ), side AS (
        SELECT n.*, s.is_debit, s.account, a.posted, a.held, a.version,
            CASE WHEN n.phase IN ('posted', 'post')
                THEN CASE WHEN s.is_debit = (a.kind IN ('asset', 'expense')) THEN n.amount ELSE -n.amount END
                ELSE 0 END AS posts,
            CASE WHEN n.phase = 'pending' AND a.floor IS NOT NULL AND s.is_debit <> (a.kind IN ('asset', 'expense'))
                    THEN n.amount
                WHEN CASE WHEN s.is_debit THEN h.debit_version ELSE h.credit_version END IS NOT NULL THEN -h.amount
                ELSE 0 END AS holds
        FROM numbered AS n
        CROSS JOIN LATERAL (VALUES (true, n.debit), (false, n.credit)) AS s (is_debit, account)
        JOIN ledger_accounts AS a ON a.id = s.account
        LEFT JOIN ledger_transfers AS h ON h.id = n.resolves
    ), running AS MATERIALIZED (
        SELECT s.*, posts <> 0 OR holds <> 0 AS touched,
            s.posted + sum(posts) OVER so_far AS balance_after,
            s.held + sum(holds) OVER so_far AS held_after,
            s.version + count(*) FILTER (WHERE posts <> 0 OR holds <> 0) OVER so_far AS version_after
        FROM side AS s
        WINDOW so_far AS (PARTITION BY account ORDER BY id ROWS UNBOUNDED PRECEDING)
    ), paired AS (
        SELECT r.*,
            CASE WHEN touched THEN balance_after END AS balance1, CASE WHEN touched THEN held_after END AS held1,
            CASE WHEN touched THEN version_after END AS version1,
            lead(CASE WHEN touched THEN balance_after END) OVER both_sides AS balance2,
            lead(CASE WHEN touched THEN held_after END) OVER both_sides AS held2,
            lead(CASE WHEN touched THEN version_after END) OVER both_sides AS version2
        FROM running AS r WINDOW both_sides AS (ORDER BY id, is_debit DESC)
    ), new_transactions AS (
        INSERT INTO ledger_transactions (id, kind, flow_id, idempotency_key, request_hash, outcome, refusal,
            reverses_id, effective_at, recorded_at)
        OVERRIDING SYSTEM VALUE
        SELECT id, kind, flow, key, hash, CASE WHEN refusal IS NULL THEN 'posted' ELSE 'refused' END, refusal,
            reverses, effective, moment
        FROM unnest(transaction_ids, p_keys, p_kinds, p_flows, p_hashes, p_refusals, p_reverses, p_effective)
            AS u (id, key, kind, flow, hash, refusal, reverses, effective)
    ), new_transfers AS (
        INSERT INTO ledger_transfers (id, transaction_id, phase, asset_id, debit_account_id, credit_account_id, amount,
            debit_balance, debit_held, debit_version, credit_balance, credit_held, credit_version,
            resolves_id, expires_at, recorded_at)
        OVERRIDING SYSTEM VALUE
        SELECT id, transaction_ids[ordinal], phase, asset, debit, credit, amount,
            balance1, held1, version1, balance2, held2, version2, resolves, expires, moment
        FROM paired WHERE is_debit AND p_refusals[ordinal] IS NULL
        RETURNING 1
    ), moves AS (
        SELECT account, version, sum(posts) AS posts, sum(holds) AS holds, max(version_after) AS version_after
        FROM running WHERE touched GROUP BY account, version
    ), moved AS (
        UPDATE ledger_accounts AS a
        SET posted = a.posted + m.posts, held = a.held + m.holds, version = m.version_after
        FROM moves AS m WHERE a.id = m.account AND a.version = m.version
        RETURNING a.id
    )
    SELECT (SELECT count(*) FROM new_transfers), (SELECT count(*) FROM moves), (SELECT count(*) FROM moved)
    INTO transfers_written, accounts_touched, accounts_moved;

    IF transfers_written <> cardinality(t_ordinals) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'a transfer names an account that is not there, or a refused transaction';
    END IF;
    IF accounts_touched <> accounts_moved THEN
        RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'an account moved while it was posted to';
    END IF;
END $$;
