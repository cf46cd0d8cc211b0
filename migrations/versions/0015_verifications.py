"""Claimed payments: the claims, the evidence about them, which transfer each used up, and where payments are received.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ORDINARY = ("payment_verifications", "claimed_transfers", "receiving_addresses", "verification_rules")
MOMENT = sa.DateTime(timezone=True)
MINOR = sa.Numeric(78, 0)


def upgrade() -> None:
    create_claims()
    create_evidence()
    create_settings()
    op.execute(
        "CREATE TRIGGER verification_exchanges_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON verification_exchanges FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(ORDINARY)} TO strongroom_app;
                GRANT SELECT, INSERT ON verification_exchanges TO strongroom_app;
                REVOKE UPDATE, DELETE, TRUNCATE ON verification_exchanges FROM strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    for table in (
        "verification_rules",
        "receiving_addresses",
        "verification_exchanges",
        "claimed_transfers",
        "payment_verifications",
    ):
        op.drop_table(table)


def create_claims() -> None:
    table = "payment_verifications"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("credits_user", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", MINOR, nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("transfer_place", sa.BigInteger(), nullable=True),
        sa.Column("paid_minor", MINOR, nullable=True),
        sa.Column("credit_transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("state_changed_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('requested', 'uncertain', 'verified', 'rejected')", name=op.f(f"ck_{table}_state_is_known")
        ),
        sa.CheckConstraint("amount_minor > 0 AND paid_minor > 0", name=op.f(f"ck_{table}_amounts_are_positive")),
        sa.CheckConstraint(
            "(state = 'verified') = (transfer_place IS NOT NULL)", name=op.f(f"ck_{table}_verified_by_one_transfer")
        ),
        sa.CheckConstraint(
            "(credit_transaction_id IS NOT NULL) = (state = 'verified' AND credits_user)",
            name=op.f(f"ck_{table}_credited_once_verified"),
        ),
        sa.CheckConstraint(
            "(state IN ('uncertain', 'rejected')) <= (reason IS NOT NULL)",
            name=op.f(f"ck_{table}_doubts_have_a_reason"),
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f(f"fk_{table}_asset_id_assets")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id_users")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f(f"fk_{table}_flow_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_payment_verifications_user_id_id", table, ["user_id", "id"])
    op.create_index("ix_payment_verifications_chain_tx_hash", table, ["chain", "tx_hash"])
    op.create_index(op.f("ix_payment_verifications_flow_id"), table, ["flow_id"])
    op.create_index(
        "ix_payment_verifications_decided_at", table, ["decided_at"], postgresql_where=sa.text("decided_at IS NOT NULL")
    )
    op.create_index(
        "ix_payment_verifications_due",
        table,
        ["due_at"],
        postgresql_where=sa.text("state IN ('requested', 'uncertain')"),
    )


def create_evidence() -> None:
    op.create_table(
        "claimed_transfers",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("verification_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verification_id"],
            ["payment_verifications.id"],
            name=op.f("fk_claimed_transfers_verification_id_payment_verifications"),
        ),
        sa.PrimaryKeyConstraint("chain", "tx_hash", "place", name=op.f("pk_claimed_transfers")),
        sa.UniqueConstraint("verification_id", name=op.f("uq_claimed_transfers_verification_id")),
    )
    op.create_table(
        "verification_exchanges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("verification_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verification_id"],
            ["payment_verifications.id"],
            name=op.f("fk_verification_exchanges_verification_id_payment_verifications"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_exchanges")),
    )
    op.create_index("ix_verification_exchanges_verification_id", "verification_exchanges", ["verification_id", "id"])


def create_settings() -> None:
    op.create_table(
        "receiving_addresses",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["oauth_clients.client_id"], name=op.f("fk_receiving_addresses_client_id_oauth_clients")
        ),
        sa.PrimaryKeyConstraint("chain", "address", name=op.f("pk_receiving_addresses")),
    )
    op.create_index(op.f("ix_receiving_addresses_client_id"), "receiving_addresses", ["client_id"])
    op.create_table(
        "verification_rules",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tolerance_minor", MINOR, nullable=True),
        sa.Column("age_max_s", sa.BigInteger(), nullable=True),
        sa.Column("confirmations", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "tolerance_minor >= 0 AND age_max_s > 0 AND confirmations > 0",
            name=op.f("ck_verification_rules_limits_in_range"),
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_verification_rules_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_verification_rules")),
    )
