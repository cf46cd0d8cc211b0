"""Payments that came back after a provider had made them, when those are looked at again, and their provider's ids.

Revision ID: 0076
Revises: 0077
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0077"
branch_labels = None
depends_on = None

TABLE = "payout_returns"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fee_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booked_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(booked_at, booked_by) IN (0, 2)", name=op.f("ck_payout_returns_booking_is_whole")
        ),
        sa.CheckConstraint(
            "booked_at IS NULL OR retracted_at IS NULL", name=op.f("ck_payout_returns_booked_on_a_standing_word")
        ),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_returns_payout_id_payouts")),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payout_returns")),
    )
    op.create_index(
        "ix_payouts_looked_at_again",
        "payouts",
        ["chain", "due_at"],
        postgresql_where=sa.text("state = 'completed' AND due_at IS NOT NULL"),
    )
    op.create_index("ix_payouts_chain_provider_id", "payouts", ["chain", "provider_id"])
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_index("ix_payouts_chain_provider_id", "payouts")
    op.drop_index("ix_payouts_looked_at_again", "payouts")
    op.drop_table(TABLE)
