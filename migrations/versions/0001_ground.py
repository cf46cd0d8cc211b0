"""The ground: every ordinary table, what is append-only, and what the application's own role may do.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "audit_logs",
    "buffer_snapshots",
    "flow_events",
    "funding_observations",
    "ops_alerts",
    "withdrawal_approvals",
)


def upgrade() -> None:
    create_tables()
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        """
        CREATE FUNCTION refuse_new_identity() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.id IS DISTINCT FROM OLD.id OR NEW.public_key IS DISTINCT FROM OLD.public_key THEN
                RAISE EXCEPTION 'the identity of a user never changes' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER users_keep_identity BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse_new_identity()"
    )
    grant_to_application()


def downgrade() -> None:
    drop_tables()
    op.execute("DROP FUNCTION refuse_new_identity()")
    op.execute("DROP FUNCTION refuse_change()")


def grant_to_application() -> None:
    """Let strongroom_app work on ordinary rows and only add to append-only ones; a server without that role is its owner's."""
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT USAGE ON SCHEMA public TO strongroom_app;
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO strongroom_app;
                GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO strongroom_app;
                REVOKE UPDATE, DELETE ON {", ".join(APPEND_ONLY)} FROM strongroom_app;
                IF to_regclass('alembic_version') IS NOT NULL THEN
                    REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM strongroom_app;
                END IF;
            END IF;
        END $$
        """
    )


def create_tables() -> None:
    op.create_table(
        "assets",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("decimals", sa.SmallInteger(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("minimum_deposit_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("confirmation_tiers", JSONB(), nullable=False),
        sa.CheckConstraint("decimals BETWEEN 0 AND 36", name=op.f("ck_assets_decimals_in_range")),
        sa.CheckConstraint("minimum_deposit_minor >= 0", name=op.f("ck_assets_minimum_deposit_not_negative")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_assets")),
    )
    op.create_index(op.f("ix_assets_chain"), "assets", ["chain"], unique=False)
    op.create_table(
        "audit_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("detail", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_logs")),
    )
    op.create_index(op.f("ix_audit_logs_event"), "audit_logs", ["event"], unique=False)
    op.create_index("ix_audit_logs_user_id_id", "audit_logs", ["user_id", "id"], unique=False)
    op.create_table(
        "auth_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_challenges")),
        sa.UniqueConstraint("message", name=op.f("uq_auth_challenges_message")),
    )
    op.create_index(op.f("ix_auth_challenges_expires_at"), "auth_challenges", ["expires_at"], unique=False)
    op.create_table(
        "chain_cursors",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("tip_height", sa.BigInteger(), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("advanced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_chain_cursors")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "ops_alerts",
        sa.Column("alert_event_id", sa.Uuid(), nullable=False),
        sa.Column("alert_code", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("service_scope", sa.Text(), nullable=False),
        sa.Column("pair", sa.Text(), nullable=True),
        sa.Column("asset_id", sa.Text(), nullable=True),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_ops_alerts_severity_is_known")),
        sa.CheckConstraint("status IN ('raised', 'cleared')", name=op.f("ck_ops_alerts_status_is_known")),
        sa.PrimaryKeyConstraint("alert_event_id", name=op.f("pk_ops_alerts")),
    )
    op.create_index(op.f("ix_ops_alerts_alert_code"), "ops_alerts", ["alert_code"], unique=False)
    op.create_index("ix_ops_alerts_fingerprint_recorded_at", "ops_alerts", ["fingerprint", "recorded_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("arguments", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("public_key", name=op.f("uq_users_public_key")),
    )
    op.create_table(
        "allowed_destinations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.asset_id"], name=op.f("fk_allowed_destinations_asset_id_assets")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_allowed_destinations_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowed_destinations")),
        sa.UniqueConstraint(
            "user_id", "asset_id", "destination", name=op.f("uq_allowed_destinations_user_id_asset_id_destination")
        ),
    )
    op.create_table(
        "buffer_snapshots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("holding_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("ledger_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("difference_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("lines", JSONB(), nullable=False),
        sa.CheckConstraint(
            "(verdict = 'unknown') = (difference_minor IS NULL)",
            name=op.f("ck_buffer_snapshots_unknown_has_no_difference"),
        ),
        sa.CheckConstraint(
            "verdict IN ('ok', 'mismatch', 'unknown')", name=op.f("ck_buffer_snapshots_verdict_is_known")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_buffer_snapshots_asset_id_assets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buffer_snapshots")),
    )
    op.create_index("ix_buffer_snapshots_asset_id_at", "buffer_snapshots", ["asset_id", "at"], unique=False)
    op.create_table(
        "chain_blocks",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("mined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["chain"], ["chain_cursors.chain"], name=op.f("fk_chain_blocks_chain_chain_cursors")),
        sa.PrimaryKeyConstraint("chain", "height", name=op.f("pk_chain_blocks")),
    )
    op.create_table(
        "deposit_addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("script", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(user_id IS NULL) = (issued_at IS NULL)", name=op.f("ck_deposit_addresses_issued_with_its_owner")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_deposit_addresses_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_addresses")),
    )
    op.create_index(
        "ix_deposit_addresses_pool",
        "deposit_addresses",
        ["chain", "id"],
        unique=False,
        postgresql_where=sa.text("user_id IS NULL"),
    )
    op.create_index(
        "ix_deposit_addresses_user_id_chain", "deposit_addresses", ["user_id", "chain", "issued_at"], unique=False
    )
    op.create_index(
        "ix_deposit_addresses_script", "deposit_addresses", ["script"], unique=False, postgresql_using="hash"
    )
    op.create_index("uq_deposit_addresses_chain_script", "deposit_addresses", ["chain", "script"], unique=True)
    op.create_table(
        "flows",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("short_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_flows_asset_id_assets")),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_flows")),
        sa.UniqueConstraint("short_id", name=op.f("uq_flows_short_id")),
    )
    op.create_index(
        "ix_flows_open",
        "flows",
        ["kind", "state", "state_since"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_flows_user_id_group_id", "flows", ["user_id", "group_id"], unique=False)
    op.create_table(
        "idempotent_requests",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_idempotent_requests_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotent_requests")),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("txid", sa.Text(), nullable=True),
        sa.Column("block_height", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("bump_requested_by", sa.Text(), nullable=True),
        sa.Column("conflicted_by", sa.Text(), nullable=True),
        sa.Column("conflict_height", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('signed', 'broadcast', 'confirming', 'completed', 'failed', 'uncertain')",
            name=op.f("ck_payouts_state_is_known"),
        ),
        sa.CheckConstraint("(block_height IS NULL) = (block_hash IS NULL)", name=op.f("ck_payouts_block_is_whole")),
        sa.CheckConstraint(
            "(conflict_height IS NULL) = (conflicted_by IS NULL)", name=op.f("ck_payouts_conflict_is_whole")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_payouts_asset_id_assets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
    )
    op.create_index("ix_payouts_chain_block_height", "payouts", ["chain", "block_height"], unique=False)
    op.create_index(
        "ix_payouts_open",
        "payouts",
        ["chain", "due_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('completed', 'failed')"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "user_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('public_key', 'address')", name=op.f("ck_user_keys_kind_is_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_keys_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_keys")),
        sa.UniqueConstraint("subject", name=op.f("uq_user_keys_subject")),
    )
    op.create_index(op.f("ix_user_keys_user_id"), "user_keys", ["user_id"], unique=False)
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'approver', 'admin')", name=op.f("ck_user_roles_role_is_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
    )
    op.create_table(
        "withdrawal_days",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("requested_minor", sa.Numeric(78, 0), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_withdrawal_days_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", "day", name=op.f("pk_withdrawal_days")),
    )
    op.create_table(
        "withdrawal_policies",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("minimum_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("fee_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("network_fee_cap_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("auto_limit_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("daily_user_limit_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("daily_system_limit_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("two_approvals_above_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("key_cooldown_s", sa.BigInteger(), nullable=False),
        sa.Column("allowlist_only", sa.Boolean(), nullable=False),
        sa.Column("confirmations", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.CheckConstraint("confirmations > 0", name=op.f("ck_withdrawal_policies_confirmations_are_positive")),
        sa.CheckConstraint(
            "fee_minor >= 0 AND network_fee_cap_minor > 0", name=op.f("ck_withdrawal_policies_fees_in_range")
        ),
        sa.CheckConstraint("minimum_minor > 0", name=op.f("ck_withdrawal_policies_minimum_is_positive")),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_withdrawal_policies_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_withdrawal_policies")),
    )
    op.create_table(
        "deposits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("txid", sa.Text(), nullable=False),
        sa.Column("vout", sa.BigInteger(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("confirmations_needed", sa.BigInteger(), nullable=False),
        sa.Column("block_height", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.Text(), nullable=True),
        sa.Column("spends", ARRAY(sa.Text()), nullable=False),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credit_transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("times_credited", sa.BigInteger(), nullable=False),
        sa.Column("in_suspense", sa.Boolean(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(state = 'credited') <= (credit_transaction_id IS NOT NULL)",
            name=op.f("ck_deposits_credited_by_the_ledger"),
        ),
        sa.CheckConstraint(
            "state IN ('seen', 'confirming', 'credited', 'below_minimum', 'quarantined', 'reorged', 'replaced')",
            name=op.f("ck_deposits_state_is_known"),
        ),
        sa.CheckConstraint("(block_height IS NULL) = (block_hash IS NULL)", name=op.f("ck_deposits_block_is_whole")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_deposits_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["address_id"], ["deposit_addresses.id"], name=op.f("fk_deposits_address_id_deposit_addresses")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_deposits_asset_id_assets")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_deposits_flow_id_flows")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_deposits_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
        sa.UniqueConstraint("chain", "txid", "vout", name=op.f("uq_deposits_chain_txid_vout")),
    )
    op.create_index(op.f("ix_deposits_address_id"), "deposits", ["address_id"], unique=False)
    op.create_index("ix_deposits_chain_block_height", "deposits", ["chain", "block_height"], unique=False)
    op.create_index(op.f("ix_deposits_flow_id"), "deposits", ["flow_id"], unique=False)
    op.create_index(
        "ix_deposits_open",
        "deposits",
        ["chain", "block_height"],
        unique=False,
        postgresql_where=sa.text("state IN ('seen', 'confirming')"),
    )
    op.create_index("ix_deposits_user_id_id", "deposits", ["user_id", "id"], unique=False)
    op.create_index(
        "ix_deposits_on_its_way",
        "deposits",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('seen', 'confirming')"),
    )
    op.create_table(
        "flow_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.Column("detail", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["flows.group_id"], name=op.f("fk_flow_events_group_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_events")),
    )
    op.create_index("ix_flow_events_group_id_id", "flow_events", ["group_id", "id"], unique=False)
    op.create_table(
        "payout_inputs",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("txid", sa.Text(), nullable=False),
        sa.Column("vout", sa.BigInteger(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_inputs_payout_id_payouts")),
        sa.PrimaryKeyConstraint("chain", "txid", "vout", name=op.f("pk_payout_inputs")),
    )
    op.create_index(op.f("ix_payout_inputs_payout_id"), "payout_inputs", ["payout_id"], unique=False)
    op.create_table(
        "payout_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("txid", sa.Text(), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("raw_tx", sa.Text(), nullable=False),
        sa.Column("fee_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("vsize", sa.BigInteger(), nullable=False),
        sa.Column("inputs", ARRAY(sa.Text()), nullable=False),
        sa.Column("payment_vouts", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("change_vout", sa.BigInteger(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fee_minor >= 0", name=op.f("ck_payout_transactions_fee_not_negative")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_transactions_payout_id_payouts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_transactions")),
        sa.UniqueConstraint("chain", "txid", name=op.f("uq_payout_transactions_chain_txid")),
        sa.UniqueConstraint("payout_id", "form", name=op.f("uq_payout_transactions_payout_id_form")),
    )
    op.create_index("ix_payout_transactions_payout_id", "payout_transactions", ["payout_id"], unique=False)
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("fee_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("approvals_needed", sa.BigInteger(), nullable=False),
        sa.Column("waiting_reason", sa.Text(), nullable=True),
        sa.Column("amount_hold_id", sa.BigInteger(), nullable=False),
        sa.Column("fee_hold_id", sa.BigInteger(), nullable=True),
        sa.Column("payout_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('requested', 'pending_approval', 'approved', 'signed', 'broadcast', 'confirming', 'completed', 'rejected', 'cancelled', 'failed', 'uncertain')",
            name=op.f("ck_withdrawals_state_is_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('signed', 'broadcast', 'confirming', 'completed') OR payout_id IS NOT NULL",
            name=op.f("ck_withdrawals_sent_only_by_a_stored_payout"),
        ),
        sa.CheckConstraint("amount_minor > 0 AND fee_minor >= 0", name=op.f("ck_withdrawals_amounts_in_range")),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_withdrawals_asset_id_assets")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_withdrawals_flow_id_flows")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_withdrawals_payout_id_payouts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_withdrawals_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
    )
    op.create_index(
        "ix_withdrawals_due",
        "withdrawals",
        ["asset_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index(op.f("ix_withdrawals_flow_id"), "withdrawals", ["flow_id"], unique=False)
    op.create_index(
        "ix_withdrawals_open",
        "withdrawals",
        ["state", "requested_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('completed', 'rejected', 'cancelled', 'failed')"),
    )
    op.create_index(op.f("ix_withdrawals_payout_id"), "withdrawals", ["payout_id"], unique=False)
    op.create_index("ix_withdrawals_user_id_id", "withdrawals", ["user_id", "id"], unique=False)
    op.create_index(
        "ix_withdrawals_user_id_requested_at", "withdrawals", ["user_id", "asset_id", "requested_at"], unique=False
    )
    op.create_table(
        "funding_observations",
        sa.Column("funding_observation_id", sa.Uuid(), nullable=False),
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("funding_handle", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0), nullable=False),
        sa.Column("confirmations", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bridge_deposit_tx_hash", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('mempool', 'confirming', 'confirmed', 'credited', 'replaced', 'reorged')",
            name=op.f("ck_funding_observations_status_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_funding_observations_deposit_id_deposits")
        ),
        sa.PrimaryKeyConstraint("funding_observation_id", name=op.f("pk_funding_observations")),
    )
    op.create_index(
        "ix_funding_observations_deposit_id", "funding_observations", ["deposit_id", "recorded_at"], unique=False
    )
    op.create_index(
        op.f("ix_funding_observations_funding_handle"), "funding_observations", ["funding_handle"], unique=False
    )
    op.create_index(op.f("ix_funding_observations_recorded_at"), "funding_observations", ["recorded_at"], unique=False)
    op.create_index(op.f("ix_funding_observations_tx_hash"), "funding_observations", ["tx_hash"], unique=False)
    op.create_table(
        "withdrawal_approvals",
        sa.Column("withdrawal_id", sa.Uuid(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('approve', 'reject')", name=op.f("ck_withdrawal_approvals_decision_is_known")),
        sa.ForeignKeyConstraint(["approver_id"], ["users.id"], name=op.f("fk_withdrawal_approvals_approver_id_users")),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_withdrawal_approvals_withdrawal_id_withdrawals")
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", "approver_id", name=op.f("pk_withdrawal_approvals")),
    )


def drop_tables() -> None:
    op.drop_table("withdrawal_approvals")
    op.drop_index(op.f("ix_funding_observations_tx_hash"), table_name="funding_observations")
    op.drop_index(op.f("ix_funding_observations_recorded_at"), table_name="funding_observations")
    op.drop_index(op.f("ix_funding_observations_funding_handle"), table_name="funding_observations")
    op.drop_index("ix_funding_observations_deposit_id", table_name="funding_observations")
    op.drop_table("funding_observations")
    op.drop_index("ix_withdrawals_user_id_requested_at", table_name="withdrawals")
    op.drop_index("ix_withdrawals_user_id_id", table_name="withdrawals")
    op.drop_index(op.f("ix_withdrawals_payout_id"), table_name="withdrawals")
    op.drop_index(
        "ix_withdrawals_open",
        table_name="withdrawals",
        postgresql_where=sa.text("state NOT IN ('completed', 'rejected', 'cancelled', 'failed')"),
    )
    op.drop_index(op.f("ix_withdrawals_flow_id"), table_name="withdrawals")
    op.drop_index("ix_withdrawals_due", table_name="withdrawals", postgresql_where=sa.text("state = 'approved'"))
    op.drop_table("withdrawals")
    op.drop_index("ix_payout_transactions_payout_id", table_name="payout_transactions")
    op.drop_table("payout_transactions")
    op.drop_index(op.f("ix_payout_inputs_payout_id"), table_name="payout_inputs")
    op.drop_table("payout_inputs")
    op.drop_index("ix_flow_events_group_id_id", table_name="flow_events")
    op.drop_table("flow_events")
    op.drop_index(
        "ix_deposits_on_its_way",
        table_name="deposits",
        postgresql_where=sa.text("state IN ('seen', 'confirming')"),
    )
    op.drop_index("ix_deposits_user_id_id", table_name="deposits")
    op.drop_index(
        "ix_deposits_open", table_name="deposits", postgresql_where=sa.text("state IN ('seen', 'confirming')")
    )
    op.drop_index(op.f("ix_deposits_flow_id"), table_name="deposits")
    op.drop_index("ix_deposits_chain_block_height", table_name="deposits")
    op.drop_index(op.f("ix_deposits_address_id"), table_name="deposits")
    op.drop_table("deposits")
    op.drop_table("withdrawal_policies")
    op.drop_table("withdrawal_days")
    op.drop_table("user_roles")
    op.drop_index(op.f("ix_user_keys_user_id"), table_name="user_keys")
    op.drop_table("user_keys")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(
        "ix_payouts_open", table_name="payouts", postgresql_where=sa.text("state NOT IN ('completed', 'failed')")
    )
    op.drop_index("ix_payouts_chain_block_height", table_name="payouts")
    op.drop_table("payouts")
    op.drop_table("idempotent_requests")
    op.drop_index("ix_flows_user_id_group_id", table_name="flows")
    op.drop_index("ix_flows_open", table_name="flows", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("flows")
    op.drop_index("uq_deposit_addresses_chain_script", table_name="deposit_addresses")
    op.drop_index("ix_deposit_addresses_script", table_name="deposit_addresses", postgresql_using="hash")
    op.drop_index("ix_deposit_addresses_user_id_chain", table_name="deposit_addresses")
    op.drop_index(
        "ix_deposit_addresses_pool", table_name="deposit_addresses", postgresql_where=sa.text("user_id IS NULL")
    )
    op.drop_table("deposit_addresses")
    op.drop_table("chain_blocks")
    op.drop_index("ix_buffer_snapshots_asset_id_at", table_name="buffer_snapshots")
    op.drop_table("buffer_snapshots")
    op.drop_table("allowed_destinations")
    op.drop_table("users")
    op.drop_table("outbox")
    op.drop_index("ix_ops_alerts_fingerprint_recorded_at", table_name="ops_alerts")
    op.drop_index(op.f("ix_ops_alerts_alert_code"), table_name="ops_alerts")
    op.drop_table("ops_alerts")
    op.drop_table("heartbeats")
    op.drop_table("chain_cursors")
    op.drop_index(op.f("ix_auth_challenges_expires_at"), table_name="auth_challenges")
    op.drop_table("auth_challenges")
    op.drop_index("ix_audit_logs_user_id_id", table_name="audit_logs")
    op.drop_index(op.f("ix_audit_logs_event"), table_name="audit_logs")
    op.drop_table("audit_logs")
    op.drop_index(op.f("ix_assets_chain"), table_name="assets")
    op.drop_table("assets")
