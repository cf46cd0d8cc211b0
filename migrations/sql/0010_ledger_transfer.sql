-- A shard of a split account, locked: a free one if six tries find one, else the first is waited for. The number is
-- drawn before it is looked for: as part of the condition it would be drawn anew for each row of the table.
CREATE OR REPLACE FUNCTION ledger_free_shard(p_shards bigint[])
RETURNS ledger_accounts LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tried bigint;
    shard ledger_accounts;
BEGIN
    FOR attempt IN 1..6 LOOP
        tried := p_shards[1 + floor(random() * cardinality(p_shards))::integer];
        SELECT * INTO shard FROM ledger_accounts WHERE id = tried FOR NO KEY UPDATE SKIP LOCKED;
        IF FOUND THEN
            RETURN shard;
        END IF;
    END LOOP;
    SELECT * INTO STRICT shard FROM ledger_accounts WHERE id = p_shards[1] FOR NO KEY UPDATE;
    RETURN shard;
END $$;

-- One transfer in one round trip, when there is nothing to decide: the key is new, both accounts exist and hold one
-- asset, and the money is there. Answers nulls, with locks taken and nothing changed, when any of that is not so; the
-- caller then goes the long way. The arithmetic is that of ledger_write, for a single row.
--
-- The accounts are moved at once instead of locked, looked at and then moved: an UPDATE waits for the same lock, judges
-- the row that it waited for, and answers what became of it. What was moved in vain is moved back before anybody sees.
CREATE OR REPLACE FUNCTION ledger_transfer(p_key text, p_kind text, p_flow uuid, p_hash bytea, p_effective timestamptz,
    p_debit bigint, p_credit bigint, p_amount numeric, OUT transaction_id bigint, OUT transfer_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    moving numeric(78, 0) := p_amount;  -- rounded once, so that no side rounds differently
    lower_id bigint := least(p_debit, p_credit);
    higher_id bigint := greatest(p_debit, p_credit);
    lower_is_debit boolean := p_debit < p_credit;
    moment timestamptz;
    low record;
    high record;
    debit record;
    credit record;
    split bigint[];
    tried bigint;
    shard_id bigint;
BEGIN
    IF (moving > 0 AND p_debit <> p_credit) IS NOT TRUE THEN
        RETURN;
    END IF;
    -- A shard is not addressed by its own number, and a split account is not moved itself.
    UPDATE ledger_accounts SET version = version + 1, posted = posted
        + CASE WHEN lower_is_debit = (kind IN ('asset', 'expense')) THEN moving ELSE -moving END
    WHERE id = lower_id AND shards IS NULL AND shard_of IS NULL AND (floor IS NULL
        OR lower_is_debit = (kind IN ('asset', 'expense')) OR posted - held - moving >= floor)
    RETURNING id, asset_id, posted, held, version INTO low;
    UPDATE ledger_accounts SET version = version + 1, posted = posted
        + CASE WHEN lower_is_debit = (kind IN ('asset', 'expense')) THEN -moving ELSE moving END
    WHERE id = higher_id AND shards IS NULL AND shard_of IS NULL AND (floor IS NULL
        OR lower_is_debit <> (kind IN ('asset', 'expense')) OR posted - held - moving >= floor)
    RETURNING id, asset_id, posted, held, version INTO high;

    IF (low.id IS NULL) <> (high.id IS NULL) THEN
        -- One side did not move. If that is because it is split, a shard moves in its place: it has no floor.
        SELECT shards INTO split FROM ledger_accounts
        WHERE id = CASE WHEN low.id IS NULL THEN lower_id ELSE higher_id END;
        IF split IS NOT NULL THEN
            tried := split[1 + floor(random() * cardinality(split))::integer];
            SELECT id INTO shard_id FROM ledger_accounts WHERE id = tried FOR NO KEY UPDATE SKIP LOCKED;
            IF shard_id IS NULL THEN
                SELECT free.id INTO shard_id FROM ledger_free_shard(split) AS free;
            END IF;
        END IF;
        IF low.id IS NULL THEN
            UPDATE ledger_accounts SET version = version + 1, posted = posted
                + CASE WHEN lower_is_debit = (kind IN ('asset', 'expense')) THEN moving ELSE -moving END
            WHERE id = shard_id RETURNING id, asset_id, posted, held, version INTO low;
        ELSE
            UPDATE ledger_accounts SET version = version + 1, posted = posted
                + CASE WHEN lower_is_debit = (kind IN ('asset', 'expense')) THEN -moving ELSE moving END
            WHERE id = shard_id RETURNING id, asset_id, posted, held, version INTO high;
        END IF;
    END IF;

    IF low.asset_id = high.asset_id THEN
        moment := clock_timestamp();
        -- The moves above have given this transaction its id before numbers are drawn, which is what seals rely on.
        INSERT INTO ledger_transactions
            (kind, flow_id, idempotency_key, request_hash, outcome, effective_at, recorded_at)
        VALUES (p_kind, p_flow, p_key, p_hash, 'posted', p_effective, moment)
        ON CONFLICT ON CONSTRAINT uq_ledger_transactions_idempotency_key DO NOTHING RETURNING id INTO transaction_id;
    END IF;
    IF transaction_id IS NULL THEN
        UPDATE ledger_accounts SET version = version - 1, posted = posted
            - CASE WHEN (id IS NOT DISTINCT FROM low.id) = (lower_is_debit = (kind IN ('asset', 'expense')))
                THEN moving ELSE -moving END
        WHERE id = low.id OR id = high.id;
        RETURN;
    END IF;
    IF lower_is_debit THEN
        debit := low;
        credit := high;
    ELSE
        debit := high;
        credit := low;
    END IF;
    INSERT INTO ledger_transfers (transaction_id, phase, asset_id, debit_account_id, credit_account_id, amount,
        debit_balance, debit_held, debit_version, credit_balance, credit_held, credit_version, recorded_at)
    VALUES (transaction_id, 'posted', debit.asset_id, debit.id, credit.id, moving,
        debit.posted, debit.held, debit.version, credit.posted, credit.held, credit.version, moment)
    RETURNING id INTO transfer_id;
END $$;
