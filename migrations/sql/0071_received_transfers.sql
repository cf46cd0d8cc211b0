-- What others of this house sent to somebody: the flow belongs to the sender, and the ledger has it among everything
-- else that ever reached the account.
CREATE TABLE received_transfers (
    user_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    CONSTRAINT pk_received_transfers PRIMARY KEY (user_id, flow_id),
    CONSTRAINT fk_received_transfers_user_id_users FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT fk_received_transfers_flow_id_flows FOREIGN KEY (flow_id) REFERENCES flows (group_id)
);
CREATE INDEX ix_received_transfers_flow_id ON received_transfers (flow_id);

INSERT INTO received_transfers
    SELECT DISTINCT account.owner_id, moved.flow_id FROM ledger_transactions AS moved
    JOIN ledger_transfers AS transfer ON transfer.transaction_id = moved.id
    JOIN ledger_accounts AS account ON account.id = transfer.credit_account_id
    WHERE moved.kind = 'internal_transfer' AND moved.outcome = 'posted' AND moved.flow_id IS NOT NULL
        AND account.code = 'user' AND account.owner_id IS NOT NULL;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT SELECT, INSERT ON received_transfers TO strongroom_app;
    END IF;
END $$;
