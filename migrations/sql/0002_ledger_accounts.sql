-- Open an account, or find the one that is there. The application may not insert into ledger_accounts itself.
CREATE FUNCTION ledger_open_account(p_code text, p_kind text, p_asset_id text, p_owner_id uuid, p_floor numeric)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    opened bigint;
BEGIN
    PERFORM pg_current_xact_id();  -- before the identity is drawn: what seals rely on
    INSERT INTO ledger_accounts (code, kind, asset_id, owner_id, floor)
    VALUES (p_code, p_kind, p_asset_id, p_owner_id, p_floor)
    ON CONFLICT ON CONSTRAINT uq_ledger_accounts_owner_id_code_asset_id_shard DO NOTHING
    RETURNING id INTO opened;
    IF opened IS NULL THEN
        SELECT id INTO STRICT opened FROM ledger_accounts
        WHERE code = p_code AND asset_id = p_asset_id AND owner_id IS NOT DISTINCT FROM p_owner_id AND shard = 0;
    END IF;
    RETURN opened;
END $$;

-- Split a floorless account into shards, once; its balance from now on is its own plus that of the shards.
CREATE FUNCTION ledger_split_account(p_account_id bigint, p_shards integer)
RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head ledger_accounts;
    opened bigint[];
BEGIN
    SELECT * INTO STRICT head FROM ledger_accounts WHERE id = p_account_id FOR NO KEY UPDATE;
    IF head.shards IS NOT NULL THEN
        RETURN head.shards;
    END IF;
    PERFORM pg_current_xact_id();
    WITH made AS (
        INSERT INTO ledger_accounts (code, kind, asset_id, floor, shard_of, shard)
        SELECT head.code, head.kind, head.asset_id, head.floor, head.id, n FROM generate_series(1, p_shards) AS n
        RETURNING id)
    SELECT array_agg(id ORDER BY id) INTO opened FROM made;
    UPDATE ledger_accounts SET shards = opened WHERE id = head.id;
    RETURN opened;
END $$;

-- What an account had posted at a moment of recording: recorded_at rises with the version, so a binary search finds it.
CREATE FUNCTION ledger_balance_at(p_account_id bigint, p_moment timestamptz)
RETURNS numeric LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    entry record;
    balance numeric := 0;
BEGIN
    SELECT version INTO high FROM ledger_accounts WHERE id = p_account_id;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT e.recorded_at, e.balance INTO STRICT entry FROM ledger_entries AS e
        WHERE e.account_id = p_account_id AND e.version = middle;
        IF entry.recorded_at <= p_moment THEN
            low := middle;
            balance := entry.balance;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN balance;
END $$;
