-- Accounts hold one asset. Balances stand in the account's normal direction: a liability, income, equity or suspense
-- account grows when credited, an asset or expense account grows when debited.
CREATE TABLE ledger_accounts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    asset_id text NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    owner_id uuid,
    posted numeric(78, 0) NOT NULL DEFAULT 0,
    held numeric(78, 0) NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    floor numeric(78, 0),
    shards bigint[],
    shard_of bigint,
    shard integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_ledger_accounts PRIMARY KEY (id),
    CONSTRAINT fk_ledger_accounts_asset_id_assets FOREIGN KEY (asset_id) REFERENCES assets (asset_id),
    CONSTRAINT fk_ledger_accounts_shard_of_ledger_accounts FOREIGN KEY (shard_of) REFERENCES ledger_accounts (id),
    CONSTRAINT uq_ledger_accounts_owner_id_code_asset_id_shard
        UNIQUE NULLS NOT DISTINCT (owner_id, code, asset_id, shard),
    CONSTRAINT uq_ledger_accounts_id_asset_id UNIQUE (id, asset_id),
    CONSTRAINT ck_ledger_accounts_kind_is_known
        CHECK (kind IN ('liability', 'asset', 'income', 'expense', 'equity', 'suspense')),
    CONSTRAINT ck_ledger_accounts_available_at_or_above_floor CHECK (posted - held >= floor),
    CONSTRAINT ck_ledger_accounts_held_not_negative CHECK (held >= 0),
    CONSTRAINT ck_ledger_accounts_users_never_owe CHECK (owner_id IS NULL OR (kind = 'liability' AND floor IS NOT NULL AND floor >= 0)),
    CONSTRAINT ck_ledger_accounts_only_floorless_is_sharded
        CHECK ((shards IS NULL AND shard_of IS NULL) OR floor IS NULL),
    CONSTRAINT ck_ledger_accounts_shard_names_its_head CHECK ((shard_of IS NULL) = (shard = 0) AND shard >= 0),
    CONSTRAINT ck_ledger_accounts_shard_is_not_split CHECK (shard_of IS NULL OR shards IS NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX ix_ledger_accounts_asset_id ON ledger_accounts (asset_id);
CREATE INDEX ix_ledger_accounts_shard_of ON ledger_accounts (shard_of) WHERE shard_of IS NOT NULL;

-- One decision: posted, or refused with a code that a replay of the same key answers again.
CREATE TABLE ledger_transactions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    flow_id uuid,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    outcome text NOT NULL,
    refusal text,
    reverses_id bigint,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_ledger_transactions PRIMARY KEY (id),
    CONSTRAINT uq_ledger_transactions_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT fk_ledger_transactions_reverses_id_ledger_transactions
        FOREIGN KEY (reverses_id) REFERENCES ledger_transactions (id),
    CONSTRAINT ck_ledger_transactions_outcome_is_known CHECK (outcome IN ('posted', 'refused')),
    CONSTRAINT ck_ledger_transactions_refused_says_why CHECK ((outcome = 'refused') = (refusal IS NOT NULL)),
    CONSTRAINT ck_ledger_transactions_does_not_reverse_itself CHECK (reverses_id <> id)
);
-- A refused reversal leaves the original free to be reversed later.
CREATE UNIQUE INDEX uq_ledger_transactions_reverses_id ON ledger_transactions (reverses_id)
    WHERE reverses_id IS NOT NULL AND outcome = 'posted';
CREATE INDEX ix_ledger_transactions_flow_id ON ledger_transactions (flow_id) WHERE flow_id IS NOT NULL;

-- One movement of one asset between two accounts, with both sides' totals after it. A side that the movement leaves
-- alone (the floorless side of a hold) has no version.
CREATE TABLE ledger_transfers (
    id bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id bigint NOT NULL,
    debit_account_id bigint NOT NULL,
    credit_account_id bigint NOT NULL,
    debit_version bigint,
    credit_version bigint,
    resolves_id bigint,
    recorded_at timestamptz NOT NULL,
    expires_at timestamptz,
    amount numeric(78, 0) NOT NULL,
    debit_balance numeric(78, 0),
    debit_held numeric(78, 0),
    credit_balance numeric(78, 0),
    credit_held numeric(78, 0),
    phase text NOT NULL,
    asset_id text NOT NULL,
    CONSTRAINT pk_ledger_transfers PRIMARY KEY (id),
    CONSTRAINT fk_ledger_transfers_transaction_id_ledger_transactions
        FOREIGN KEY (transaction_id) REFERENCES ledger_transactions (id),
    CONSTRAINT fk_ledger_transfers_debit_account_id_asset_id_ledger_accounts
        FOREIGN KEY (debit_account_id, asset_id) REFERENCES ledger_accounts (id, asset_id),
    CONSTRAINT fk_ledger_transfers_credit_account_id_asset_id_ledger_accounts
        FOREIGN KEY (credit_account_id, asset_id) REFERENCES ledger_accounts (id, asset_id),
    CONSTRAINT fk_ledger_transfers_resolves_id_ledger_transfers
        FOREIGN KEY (resolves_id) REFERENCES ledger_transfers (id),
    CONSTRAINT uq_ledger_transfers_debit_account_id_debit_version UNIQUE (debit_account_id, debit_version),
    CONSTRAINT uq_ledger_transfers_credit_account_id_credit_version UNIQUE (credit_account_id, credit_version),
    CONSTRAINT ck_ledger_transfers_amount_positive CHECK (amount > 0),
    CONSTRAINT ck_ledger_transfers_two_accounts CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT ck_ledger_transfers_phase_is_known CHECK (phase IN ('posted', 'pending', 'post', 'void')),
    CONSTRAINT ck_ledger_transfers_resolution_names_its_hold
        CHECK ((phase IN ('post', 'void')) = (resolves_id IS NOT NULL)),
    CONSTRAINT ck_ledger_transfers_only_holds_expire CHECK (expires_at IS NULL OR phase = 'pending'),
    CONSTRAINT ck_ledger_transfers_movement_has_both_versions
        CHECK (phase IN ('pending', 'void') OR (debit_version IS NOT NULL AND credit_version IS NOT NULL)),
    CONSTRAINT ck_ledger_transfers_hold_reserves_somewhere
        CHECK (debit_version IS NOT NULL OR credit_version IS NOT NULL),
    CONSTRAINT ck_ledger_transfers_side_is_whole CHECK (
        (debit_version IS NULL) = (debit_balance IS NULL) AND (debit_version IS NULL) = (debit_held IS NULL)
        AND (credit_version IS NULL) = (credit_balance IS NULL) AND (credit_version IS NULL) = (credit_held IS NULL))
);
CREATE INDEX ix_ledger_transfers_transaction_id ON ledger_transfers (transaction_id);
CREATE UNIQUE INDEX uq_ledger_transfers_resolves_id ON ledger_transfers (resolves_id) WHERE resolves_id IS NOT NULL;
CREATE INDEX ix_ledger_transfers_expires_at ON ledger_transfers (expires_at) WHERE expires_at IS NOT NULL;

-- The two sides of every movement, each with the account's totals after it.
CREATE VIEW ledger_entries AS
SELECT id AS transfer_id, transaction_id, debit_account_id AS account_id, 'debit' AS side, phase, asset_id, amount,
       debit_balance AS balance, debit_held AS held, debit_version AS version, resolves_id,
       credit_account_id AS counter_account_id, recorded_at
FROM ledger_transfers WHERE debit_version IS NOT NULL
UNION ALL
SELECT id, transaction_id, credit_account_id, 'credit', phase, asset_id, amount,
       credit_balance, credit_held, credit_version, resolves_id, debit_account_id, recorded_at
FROM ledger_transfers WHERE credit_version IS NOT NULL;

-- A closed range of one ledger table: sixteen bytes of hash per row, chained to the seal before it.
CREATE TABLE ledger_seals (
    id bigint NOT NULL,
    subject text NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    row_count bigint NOT NULL,
    leaves bytea NOT NULL,
    previous bytea NOT NULL,
    digest bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_ledger_seals PRIMARY KEY (id),
    CONSTRAINT uq_ledger_seals_subject_first_id UNIQUE (subject, first_id),
    CONSTRAINT uq_ledger_seals_subject_last_id UNIQUE (subject, last_id),
    CONSTRAINT ck_ledger_seals_subject_is_known CHECK (subject IN ('accounts', 'transactions', 'transfers')),
    CONSTRAINT ck_ledger_seals_range_runs_forward CHECK (first_id <= last_id),
    CONSTRAINT ck_ledger_seals_leaf_per_row CHECK (octet_length(leaves) = 16 * row_count)
);

-- How far each table had been numbered when the note was taken, and the transaction that took it: whatever has those
-- numbers began before it, so once every transaction before it has ended, the numbers up to here are final.
CREATE TABLE ledger_horizons (
    subject text NOT NULL,
    last_id bigint NOT NULL,
    noted_by bigint NOT NULL,
    CONSTRAINT pk_ledger_horizons PRIMARY KEY (subject)
);
