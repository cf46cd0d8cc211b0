-- The daily limit of one user, judged after the hold locked their account: whoever else asks for this user has either
-- committed and is counted, or waits for that lock.
CREATE OR REPLACE FUNCTION withdrawal_within_user_limit(p_user uuid, p_asset text, p_since timestamptz, p_amount numeric,
    p_limit numeric)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_over numeric;
BEGIN
    SELECT p_limit - coalesce(sum(amount_minor), 0) INTO left_over FROM withdrawals
    WHERE user_id = p_user AND asset_id = p_asset AND requested_at > p_since
        AND state NOT IN ('rejected', 'cancelled', 'failed');
    IF p_amount > left_over THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_within_user_limit',
            MESSAGE = 'more than is left of the daily limit of this user', DETAIL = greatest(left_over, 0)::text;
    END IF;
END $$;
