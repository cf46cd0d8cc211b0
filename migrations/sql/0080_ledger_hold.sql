-- One transaction of holds in one round trip, when there is nothing to decide: all reserve on one account with a floor,
-- the key is new, and the money is there. Answers nulls, with locks taken and nothing changed, when any of that is not
-- so; the caller then goes the long way. The arithmetic is that of ledger_write.
--
-- The accounts in p_credits are named and left alone: one that would reserve too is left to the long way.
CREATE FUNCTION ledger_hold(p_key text, p_kind text, p_flow uuid, p_hash bytea, p_effective timestamptz,
    p_debit bigint, p_credits bigint[], p_amounts numeric[], p_expires timestamptz,
    OUT transaction_id bigint, OUT transfer_ids bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    amounts numeric(78, 0)[] := p_amounts;  -- rounded once, as everywhere
    legs integer := cardinality(p_credits);
    whole numeric(78, 0) := 0;
    moment timestamptz;
    own record;
    transfer_id bigint;
BEGIN
    IF (legs > 0 AND cardinality(amounts) = legs AND 0 < ALL (amounts) AND 'NaN' > ALL (amounts)) IS NOT TRUE THEN
        RETURN;
    END IF;
    FOR place IN 1..legs LOOP
        whole := whole + amounts[place];
    END LOOP;
    -- Reserved at once instead of locked, looked at and then reserved: an UPDATE waits for the same lock, and judges
    -- the row that it waited for.
    UPDATE ledger_accounts AS debit SET held = held + whole, version = version + legs
    WHERE id = p_debit AND floor IS NOT NULL AND kind NOT IN ('asset', 'expense') AND shards IS NULL
        AND posted - held - whole >= floor
        AND legs = (SELECT count(*) FROM unnest(p_credits) AS named (id) JOIN ledger_accounts AS credit USING (id)
                    WHERE credit.asset_id = debit.asset_id AND credit.id <> p_debit AND credit.shard_of IS NULL
                        AND (credit.floor IS NULL OR credit.kind NOT IN ('asset', 'expense')))
    RETURNING asset_id, posted, held, version INTO own;
    IF own.asset_id IS NULL THEN
        RETURN;
    END IF;

    moment := clock_timestamp();
    -- The reservation has given this transaction its id before numbers are drawn, which is what seals rely on.
    INSERT INTO ledger_transactions (kind, flow_id, idempotency_key, request_hash, outcome, effective_at, recorded_at)
    VALUES (p_kind, p_flow, p_key, p_hash, 'posted', p_effective, moment)
    ON CONFLICT ON CONSTRAINT uq_ledger_transactions_idempotency_key DO NOTHING RETURNING id INTO transaction_id;
    IF transaction_id IS NULL THEN
        UPDATE ledger_accounts SET held = held - whole, version = version - legs WHERE id = p_debit;
        RETURN;
    END IF;
    own.held := own.held - whole;
    FOR place IN 1..legs LOOP
        own.held := own.held + amounts[place];
        INSERT INTO ledger_transfers (transaction_id, phase, asset_id, debit_account_id, credit_account_id, amount,
            debit_balance, debit_held, debit_version, expires_at, recorded_at)
        VALUES (transaction_id, 'pending', own.asset_id, p_debit, p_credits[place], amounts[place],
            own.posted, own.held, own.version - legs + place, p_expires, moment)
        RETURNING id INTO transfer_id;
        transfer_ids := transfer_ids || transfer_id;
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION ledger_hold(text, text, uuid, bytea, timestamptz, bigint, bigint[], numeric[], timestamptz)
FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT EXECUTE ON FUNCTION
            ledger_hold(text, text, uuid, bytea, timestamptz, bigint, bigint[], numeric[], timestamptz)
        TO strongroom_app;
    END IF;
END $$;
