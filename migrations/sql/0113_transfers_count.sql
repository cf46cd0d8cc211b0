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
