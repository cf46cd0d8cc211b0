-- History is never updated, deleted or truncated, by its owner either.
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
        MESSAGE = format('%s on %s is refused: the ledger is append-only', TG_OP, TG_TABLE_NAME);
END $$;

CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_seals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_accounts_stay BEFORE DELETE OR TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_accounts_start_empty BEFORE INSERT ON ledger_accounts FOR EACH ROW
    WHEN (NEW.posted IS DISTINCT FROM 0 OR NEW.held IS DISTINCT FROM 0 OR NEW.version IS DISTINCT FROM 0)
    EXECUTE FUNCTION ledger_refuse();

-- An account's totals, version and shards may change, and totals only together with the version. Every other column
-- is listed: a WHEN clause costs no call of a function on the rows that pass.
CREATE TRIGGER ledger_accounts_identity_is_fixed BEFORE UPDATE ON ledger_accounts FOR EACH ROW
    WHEN (OLD.id IS DISTINCT FROM NEW.id
        OR OLD.asset_id IS DISTINCT FROM NEW.asset_id
        OR OLD.kind IS DISTINCT FROM NEW.kind
        OR OLD.code IS DISTINCT FROM NEW.code
        OR OLD.owner_id IS DISTINCT FROM NEW.owner_id
        OR OLD.floor IS DISTINCT FROM NEW.floor
        OR OLD.shard_of IS DISTINCT FROM NEW.shard_of
        OR OLD.shard IS DISTINCT FROM NEW.shard
        OR OLD.created_at IS DISTINCT FROM NEW.created_at
        OR (OLD.shards IS NOT NULL AND OLD.shards IS DISTINCT FROM NEW.shards)
        OR NEW.version IS NULL OR NEW.version < OLD.version
        OR (NEW.version = OLD.version
            AND (OLD.posted IS DISTINCT FROM NEW.posted OR OLD.held IS DISTINCT FROM NEW.held)))
    EXECUTE FUNCTION ledger_refuse();
