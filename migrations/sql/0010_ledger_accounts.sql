-- What an account is cannot change once it is open (ledger_accounts_identity_is_fixed), so it is checked when it is
-- opened and when it is split, instead of at every posting: PostgreSQL parses each CHECK of a table again for every
-- statement that updates it. The two CHECKs that a posting can break remain.
CREATE FUNCTION ledger_account_refused() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    broken text := CASE
        WHEN (NEW.kind IN ('liability', 'asset', 'income', 'expense', 'equity', 'suspense')) IS NOT TRUE
            THEN 'kind_is_known'
        WHEN NEW.owner_id IS NOT NULL AND (NEW.kind = 'liability' AND NEW.floor >= 0) IS NOT TRUE
            THEN 'users_never_owe'
        WHEN NEW.floor IS NOT NULL AND (NEW.shards IS NOT NULL OR NEW.shard_of IS NOT NULL)
            THEN 'only_floorless_is_sharded'
        WHEN (NEW.shard_of IS NULL) <> (NEW.shard = 0) OR NEW.shard < 0
            THEN 'shard_names_its_head'
        WHEN NEW.shard_of IS NOT NULL AND NEW.shards IS NOT NULL
            THEN 'shard_is_not_split'
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
            CONSTRAINT = 'ck_ledger_accounts_' || broken,
            MESSAGE = format('new row for relation "%s" violates check constraint "ck_ledger_accounts_%s"',
                TG_TABLE_NAME, broken);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_accounts_are_sound BEFORE INSERT OR UPDATE OF kind, owner_id, floor, shards, shard_of, shard
    ON ledger_accounts FOR EACH ROW EXECUTE FUNCTION ledger_account_refused();
ALTER TABLE ledger_accounts
    DROP CONSTRAINT ck_ledger_accounts_kind_is_known,
    DROP CONSTRAINT ck_ledger_accounts_users_never_owe,
    DROP CONSTRAINT ck_ledger_accounts_only_floorless_is_sharded,
    DROP CONSTRAINT ck_ledger_accounts_shard_names_its_head,
    DROP CONSTRAINT ck_ledger_accounts_shard_is_not_split;
