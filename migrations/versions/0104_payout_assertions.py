"""What operators say became of payments that a provider knows nothing of; and one payment there is one of ours.

Revision ID: 0104
Revises: 0107
"""

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0107"
branch_labels = None
depends_on = None

TABLE = "payout_assertions"
REASONS = "ck_payouts_void_reason_is_known"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_by_id", sa.Uuid(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.Text(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_upheld", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(agreed_by, agreed_at) IN (0, 2)", name=op.f("ck_payout_assertions_agreement_is_whole")
        ),
        sa.CheckConstraint("agreed_by <> said_by", name=op.f("ck_payout_assertions_agreed_by_another")),
        sa.CheckConstraint(
            "num_nulls(answered_at, is_upheld) IN (0, 2)", name=op.f("ck_payout_assertions_answer_is_whole")
        ),
        sa.CheckConstraint(
            "is_upheld IS NOT TRUE OR provider_id IS NOT NULL OR agreed_at IS NOT NULL",
            name=op.f("ck_payout_assertions_two_say_never_made"),
        ),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_assertions_payout_id_payouts")),
        sa.ForeignKeyConstraint(["said_by_id"], ["users.id"], name=op.f("fk_payout_assertions_said_by_id_users")),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payout_assertions")),
    )
    op.create_index(op.f("ix_payout_assertions_said_by_id"), TABLE, ["said_by_id"])
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO strongroom_app;
            END IF;
        END $$
        """
    )
    op.drop_constraint(op.f(REASONS), "payouts", type_="check")
    op.create_check_constraint(
        op.f(REASONS), "payouts", "void_because IN ('reverted', 'cancelled', 'refused', 'never_made')"
    )
    op.drop_index("ix_payouts_chain_provider_id", "payouts")
    op.create_index(
        "uq_payouts_chain_provider_id",
        "payouts",
        ["chain", "provider_id"],
        unique=True,
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_payouts_chain_provider_id", "payouts")
    op.create_index("ix_payouts_chain_provider_id", "payouts", ["chain", "provider_id"])
    op.drop_constraint(op.f(REASONS), "payouts", type_="check")
    op.execute("UPDATE payouts SET void_because = 'refused' WHERE void_because = 'never_made'")
    op.create_check_constraint(op.f(REASONS), "payouts", "void_because IN ('reverted', 'cancelled', 'refused')")
    op.drop_table(TABLE)
