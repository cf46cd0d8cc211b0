-- The way back from 0010_ledger_accounts.
ALTER TABLE ledger_accounts
    ADD CONSTRAINT ck_ledger_accounts_kind_is_known
        CHECK (kind IN ('liability', 'asset', 'income', 'expense', 'equity', 'suspense')),
    ADD CONSTRAINT ck_ledger_accounts_users_never_owe
        CHECK (owner_id IS NULL OR (kind = 'liability' AND floor IS NOT NULL AND floor >= 0)),
    ADD CONSTRAINT ck_ledger_accounts_only_floorless_is_sharded
        CHECK ((shards IS NULL AND shard_of IS NULL) OR floor IS NULL),
    ADD CONSTRAINT ck_ledger_accounts_shard_names_its_head CHECK ((shard_of IS NULL) = (shard = 0) AND shard >= 0),
    ADD CONSTRAINT ck_ledger_accounts_shard_is_not_split CHECK (shard_of IS NULL OR shards IS NULL);
DROP TRIGGER ledger_accounts_are_sound ON ledger_accounts;
DROP FUNCTION ledger_account_refused;
