-- A row's leaf: the first sixteen bytes of the SHA-256 of its columns, each preceded by its type and length, which is
-- how PostgreSQL sends a record. An account's totals change, so only what is fixed about it is sealed.
CREATE VIEW ledger_account_leaves AS
SELECT id, substr(sha256(record_send(ROW(id, asset_id, kind, code, owner_id, floor, shard_of, shard, created_at))), 1, 16)
    AS leaf FROM ledger_accounts;
CREATE VIEW ledger_transaction_leaves AS
SELECT id, substr(sha256(record_send(ROW(id, kind, flow_id, idempotency_key, request_hash, outcome, refusal, reverses_id,
    effective_at, recorded_at))), 1, 16) AS leaf FROM ledger_transactions;
CREATE VIEW ledger_transfer_leaves AS
SELECT id, substr(sha256(record_send(ROW(id, transaction_id, debit_account_id, credit_account_id, debit_version,
    credit_version, resolves_id, recorded_at, expires_at, amount, debit_balance, debit_held, credit_balance, credit_held,
    phase, asset_id))), 1, 16) AS leaf FROM ledger_transfers;

-- What a seal's digest is: the previous one and everything this one says, lengths included.
CREATE FUNCTION ledger_seal_digest(p_previous bytea, p_subject text, p_first bigint, p_last bigint, p_leaves bytea)
RETURNS bytea LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sha256(record_send(ROW(p_previous, p_subject, p_first, p_last, p_leaves)));
$$;

-- Seal one range of one table up to p_last, of at most p_rows rows; false when there was none left.
CREATE FUNCTION ledger_seal_range(p_subject text, p_last bigint, p_rows integer)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    first bigint;
    range record;
    latest record;
BEGIN
    SELECT coalesce(max(last_id), 0) + 1 INTO first FROM ledger_seals WHERE subject = p_subject;
    EXECUTE format('SELECT count(*) AS row_count, max(id) AS last_id, string_agg(leaf, ''''::bytea ORDER BY id) AS leaves
        FROM (SELECT id, leaf FROM %I WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3) AS rows',
        'ledger_' || rtrim(p_subject, 's') || '_leaves') INTO range USING first, p_last, p_rows;
    IF range.row_count = 0 THEN
        RETURN false;
    END IF;
    SELECT id, digest INTO latest FROM ledger_seals ORDER BY id DESC LIMIT 1;
    INSERT INTO ledger_seals (id, subject, first_id, last_id, row_count, leaves, previous, digest, sealed_at)
    VALUES (coalesce(latest.id, 0) + 1, p_subject, first, range.last_id, range.row_count, range.leaves,
        coalesce(latest.digest, ''),
        ledger_seal_digest(coalesce(latest.digest, ''), p_subject, first, range.last_id, range.leaves),
        clock_timestamp());
    RETURN true;
END $$;

-- Seal what is certainly complete, and note how far the next call may go. Answers how many seals it made.
--
-- A number drawn is not a row committed: a lower one may still be on its way. Every writer takes its transaction's id
-- before it draws a number, and here the numbers are read before this transaction takes its own id; so whoever drew one
-- of those numbers has an older id, and when the oldest running transaction is not older than ours, none is left.
-- (The snapshot's xmax would not do: it only passes the latest id that has *ended*.)
CREATE FUNCTION ledger_seal(p_rows integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    numbered bigint[];
    horizon record;
    place integer := 0;
    made integer := 0;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = 'ledger_seal comes first in its transaction';
    END IF;
    numbered := ARRAY[(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_accounts_id_seq),
        (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_transactions_id_seq),
        (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_transfers_id_seq)];
    PERFORM pg_current_xact_id();
    LOCK TABLE ledger_horizons IN SHARE ROW EXCLUSIVE MODE;
    FOR horizon IN SELECT s.subject, h.last_id, h.noted_by
        FROM unnest(ARRAY['accounts', 'transactions', 'transfers']) WITH ORDINALITY AS s (subject, place)
        LEFT JOIN ledger_horizons AS h ON h.subject = s.subject ORDER BY s.place LOOP
        place := place + 1;
        IF horizon.noted_by > pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN
            CONTINUE;
        END IF;
        WHILE made < 100 AND ledger_seal_range(horizon.subject, horizon.last_id, p_rows) LOOP
            made := made + 1;
        END LOOP;
        IF made < 100 THEN
            INSERT INTO ledger_horizons (subject, last_id, noted_by)
            VALUES (horizon.subject, numbered[place], pg_current_xact_id()::text::bigint)
            ON CONFLICT (subject) DO UPDATE SET last_id = EXCLUDED.last_id, noted_by = EXCLUDED.noted_by;
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_seal_range(text, bigint, integer) FROM PUBLIC;
