-- The application reads the ledger and writes it through the functions alone.
REVOKE EXECUTE ON FUNCTION ledger_open_account(text, text, text, uuid, numeric),
    ledger_split_account(bigint, integer),
    ledger_lock(bigint[], bigint[], text[], bigint[], bigint[], bigint[], integer[], bigint[]),
    ledger_write(text[], text[], uuid[], bytea[], text[], bigint[], timestamptz[],
        integer[], text[], text[], bigint[], bigint[], numeric[], bigint[], timestamptz[]),
    ledger_transfer(text, text, uuid, bytea, timestamptz, bigint, bigint, numeric),
    ledger_free_shard(bigint[]),
    ledger_balance_at(bigint, timestamptz),
    ledger_seal(integer)
FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        REVOKE ALL ON ledger_accounts, ledger_transactions, ledger_transfers, ledger_seals, ledger_horizons,
            ledger_entries FROM strongroom_app;
        GRANT SELECT ON ledger_accounts, ledger_transactions, ledger_transfers, ledger_seals, ledger_horizons,
            ledger_entries, ledger_account_leaves, ledger_transaction_leaves, ledger_transfer_leaves TO strongroom_app;
        REVOKE ALL ON SEQUENCE ledger_accounts_id_seq, ledger_transactions_id_seq, ledger_transfers_id_seq
            FROM strongroom_app;
        GRANT EXECUTE ON FUNCTION ledger_open_account(text, text, text, uuid, numeric),
            ledger_split_account(bigint, integer),
            ledger_lock(bigint[], bigint[], text[], bigint[], bigint[], bigint[], integer[], bigint[]),
            ledger_write(text[], text[], uuid[], bytea[], text[], bigint[], timestamptz[],
                integer[], text[], text[], bigint[], bigint[], numeric[], bigint[], timestamptz[]),
            ledger_transfer(text, text, uuid, bytea, timestamptz, bigint, bigint, numeric),
            ledger_balance_at(bigint, timestamptz),
            ledger_seal(integer)
        TO strongroom_app;
    END IF;
END $$;
