DROP FUNCTION withdrawals_request(jsonb[]);
DROP TYPE withdrawal_asked;
DROP FUNCTION ledger_lock_free(bigint[]);

-- Count an amount, in the smallest unit, on a day of the whole house, or (negative) take one off; p_limit is the limit
-- as it stands. What is left of a day is spread over sixteen rows, each with a share of its own that its constraint
-- keeps, so that most requests find one that nobody holds. Only when no share suffices are all of them locked, added up
-- and spread anew: that is where a request is refused, so the limit is exact.
CREATE OR REPLACE FUNCTION withdrawal_day_count(p_asset text, p_day text, p_amount numeric, p_limit numeric)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shares CONSTANT integer := 16;
    counted numeric;
    bound numeric;
    share numeric;
BEGIN
    IF p_amount > 0 THEN
        UPDATE withdrawal_days SET requested_minor = requested_minor + p_amount
        WHERE asset_id = p_asset AND day = p_day AND shard = (
            SELECT shard FROM withdrawal_days
            WHERE asset_id = p_asset AND day = p_day AND house_limit_minor = p_limit
                AND requested_minor + p_amount <= limit_minor
            ORDER BY shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            RETURN;
        END IF;
        INSERT INTO withdrawal_days (asset_id, day, shard, requested_minor)
        SELECT p_asset, p_day, shard, 0 FROM generate_series(0, shares - 1) AS shard ON CONFLICT DO NOTHING;
    END IF;

    PERFORM FROM withdrawal_days WHERE asset_id = p_asset AND day = p_day ORDER BY shard FOR NO KEY UPDATE;
    -- A later statement, which sees what whoever held the locks has committed.
    SELECT greatest(sum(requested_minor) + p_amount, 0), coalesce(p_limit, max(house_limit_minor)) INTO counted, bound
    FROM withdrawal_days WHERE asset_id = p_asset AND day = p_day;
    IF p_amount > 0 AND counted > bound THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_withdrawal_days_within_limit',
            MESSAGE = 'more than the house lets out in one day';
    END IF;
    share := div(greatest(bound - counted, 0), shares);
    UPDATE withdrawal_days
    SET requested_minor = CASE shard WHEN 0 THEN counted ELSE 0 END,
        limit_minor = CASE shard WHEN 0 THEN greatest(bound, counted) - (shares - 1) * share ELSE share END,
        house_limit_minor = bound
    WHERE asset_id = p_asset AND day = p_day;
END $$;

-- The daily limit of one user, judged after their account was locked: whoever else asks for this user has either
-- committed and is counted, or waits for that lock.
--
-- Deposits that operators pay back are nobody's withdrawals. They are looked for only where they would decide.
-- What went to other people of the house counts where the asset's policy says so. The detail is what is left, below zero
-- for a transfer that is counted already.
CREATE OR REPLACE FUNCTION withdrawal_within_user_limit(p_user uuid, p_asset text, p_since timestamptz, p_amount numeric,
    p_limit numeric)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_over numeric;
BEGIN
    SELECT p_limit - coalesce(sum(amount_minor), 0) INTO left_over FROM withdrawals
    WHERE user_id = p_user AND asset_id = p_asset AND requested_at > p_since
        AND state NOT IN ('rejected', 'cancelled', 'failed');
    IF (SELECT transfers_count FROM withdrawal_policies WHERE asset_id = p_asset) THEN
        SELECT left_over - coalesce(sum(amount_minor), 0) INTO left_over FROM flows
        WHERE user_id = p_user AND asset_id = p_asset AND kind = 'internal_transfer' AND opened_at > p_since;
    END IF;
    IF p_amount > left_over THEN
        SELECT left_over + coalesce(sum(w.amount_minor), 0) INTO left_over
        FROM withdrawals AS w JOIN deposit_quarantines AS q ON q.return_withdrawal_id = w.id
        WHERE w.user_id = p_user AND w.asset_id = p_asset AND w.requested_at > p_since
            AND w.state NOT IN ('rejected', 'cancelled', 'failed');
    END IF;
    IF p_amount > left_over THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_within_user_limit',
            MESSAGE = 'more than is left of the daily limit of this user', DETAIL = left_over::text;
    END IF;
END $$;

DROP FUNCTION withdrawal_day_took(text, text, numeric, numeric);
DROP FUNCTION withdrawal_user_left(uuid, text, timestamptz, numeric);
