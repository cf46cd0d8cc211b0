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

-- What an account is never changes: an UPDATE that so much as names one of these columns is refused. (A WHEN clause
-- comparing old and new would be parsed again for every statement, this is looked up.)
CREATE TRIGGER ledger_accounts_identity_is_fixed
    BEFORE UPDATE OF id, asset_id, kind, code, owner_id, floor, shard_of, shard, created_at ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
