-- A shard of a split account, locked: a free one if six tries find one, else the first is waited for.
CREATE FUNCTION ledger_free_shard(p_shards bigint[])
RETURNS ledger_accounts LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shard ledger_accounts;
BEGIN
    FOR attempt IN 1..6 LOOP
        SELECT * INTO shard FROM ledger_accounts
        WHERE id = p_shards[1 + floor(random() * cardinality(p_shards))::integer] FOR NO KEY UPDATE SKIP LOCKED;
        IF FOUND THEN
            RETURN shard;
        END IF;
    END LOOP;
    SELECT * INTO STRICT shard FROM ledger_accounts WHERE id = p_shards[1] FOR NO KEY UPDATE;
    RETURN shard;
END $$;

-- One transfer in one round trip, when there is nothing to decide: the key is new, both accounts exist and hold one
-- asset, and the money is there. Answers nulls, with only locks taken, when any of that is not so; the caller then goes
-- the long way. The arithmetic is that of ledger_write, for a single row.
CREATE FUNCTION ledger_transfer(p_key text, p_kind text, p_flow uuid, p_hash bytea, p_effective timestamptz,
    p_debit bigint, p_credit bigint, p_amount numeric, OUT transaction_id bigint, OUT transfer_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    debit ledger_accounts;
    credit ledger_accounts;
    debit_change numeric;
    credit_change numeric;
BEGIN
    IF p_debit < p_credit THEN
        SELECT * INTO debit FROM ledger_accounts WHERE id = p_debit AND shards IS NULL FOR NO KEY UPDATE;
        SELECT * INTO credit FROM ledger_accounts WHERE id = p_credit AND shards IS NULL FOR NO KEY UPDATE;
    ELSE
        SELECT * INTO credit FROM ledger_accounts WHERE id = p_credit AND shards IS NULL FOR NO KEY UPDATE;
        SELECT * INTO debit FROM ledger_accounts WHERE id = p_debit AND shards IS NULL FOR NO KEY UPDATE;
    END IF;
    IF debit.shard_of IS NOT NULL OR credit.shard_of IS NOT NULL THEN
        RETURN;  -- a shard is not addressed by its own number
    ELSIF debit.id IS NULL AND credit.id IS NOT NULL THEN
        SELECT free.* INTO debit FROM ledger_accounts AS head CROSS JOIN LATERAL ledger_free_shard(head.shards) AS free
        WHERE head.id = p_debit AND head.shards IS NOT NULL;
    ELSIF credit.id IS NULL AND debit.id IS NOT NULL THEN
        SELECT free.* INTO credit FROM ledger_accounts AS head CROSS JOIN LATERAL ledger_free_shard(head.shards) AS free
        WHERE head.id = p_credit AND head.shards IS NOT NULL;
    END IF;
    debit_change := CASE WHEN debit.kind IN ('asset', 'expense') THEN p_amount ELSE -p_amount END;
    credit_change := CASE WHEN credit.kind IN ('asset', 'expense') THEN -p_amount ELSE p_amount END;
    IF (debit.asset_id = credit.asset_id AND debit.id <> credit.id AND p_amount > 0) IS NOT TRUE
        OR (debit_change < 0 AND debit.posted + debit_change - debit.held < debit.floor)
        OR (credit_change < 0 AND credit.posted + credit_change - credit.held < credit.floor) THEN
        RETURN;
    END IF;

    -- The locks above have given this transaction its id, so it has one before numbers are drawn: what seals rely on.
    INSERT INTO ledger_transactions (kind, flow_id, idempotency_key, request_hash, outcome, effective_at, recorded_at)
    VALUES (p_kind, p_flow, p_key, p_hash, 'posted', p_effective, moment)
    ON CONFLICT ON CONSTRAINT uq_ledger_transactions_idempotency_key DO NOTHING RETURNING id INTO transaction_id;
    IF transaction_id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO ledger_transfers (transaction_id, phase, asset_id, debit_account_id, credit_account_id, amount,
        debit_balance, debit_held, debit_version, credit_balance, credit_held, credit_version, recorded_at)
    VALUES (transaction_id, 'posted', debit.asset_id, debit.id, credit.id, p_amount,
        debit.posted + debit_change, debit.held, debit.version + 1,
        credit.posted + credit_change, credit.held, credit.version + 1, moment)
    RETURNING id INTO transfer_id;
    UPDATE ledger_accounts
    SET posted = posted + CASE id WHEN debit.id THEN debit_change ELSE credit_change END, version = version + 1
    WHERE id IN (debit.id, credit.id);
END $$;
