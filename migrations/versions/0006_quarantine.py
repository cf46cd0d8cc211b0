"""Quarantine: why a deposit is set aside, who carries its money meanwhile, and what was decided about it.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATES = "'seen', 'confirming', 'credited', 'below_minimum', 'quarantined', 'reorged', 'replaced'"
STATES_NOW = "'seen', 'confirming', 'credited', 'below_minimum', 'quarantined', 'returned', 'reorged', 'replaced'"


def upgrade() -> None:
    op.create_table(
        "deposit_quarantines",
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_aside_by", sa.Text(), nullable=False),
        sa.Column("held_transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("times_held", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("return_withdrawal_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("decision IN ('release', 'return')", name=op.f("ck_deposit_quarantines_decision_is_known")),
        sa.CheckConstraint(
            "num_nulls(decision, decision_reason, decided_at, decided_by) IN (0, 4)",
            name=op.f("ck_deposit_quarantines_decision_is_whole"),
        ),
        sa.CheckConstraint(
            "(return_withdrawal_id IS NOT NULL) = (decision IS NOT DISTINCT FROM 'return')",
            name=op.f("ck_deposit_quarantines_returned_by_a_withdrawal"),
        ),
        sa.CheckConstraint(
            "decision IS DISTINCT FROM 'release' OR held_transaction_id IS NULL",
            name=op.f("ck_deposit_quarantines_released_is_free"),
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_deposit_quarantines_deposit_id_deposits")
        ),
        sa.ForeignKeyConstraint(
            ["return_withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_deposit_quarantines_return_withdrawal_id_withdrawals"),
        ),
        sa.PrimaryKeyConstraint("deposit_id", name=op.f("pk_deposit_quarantines")),
        sa.UniqueConstraint("return_withdrawal_id", name=op.f("uq_deposit_quarantines_return_withdrawal_id")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON deposit_quarantines TO strongroom_app;
            END IF;
        END $$
        """
    )
    op.add_column(
        "deposits", sa.Column("is_quarantined", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_index("ix_deposits_quarantined", "deposits", ["chain", "id"], postgresql_where=sa.text("is_quarantined"))
    op.drop_constraint(op.f("ck_deposits_state_is_known"), "deposits")
    op.create_check_constraint(op.f("ck_deposits_state_is_known"), "deposits", f"state IN ({STATES_NOW})")
    op.create_check_constraint(
        op.f("ck_deposits_quarantined_until_released"),
        "deposits",
        "NOT is_quarantined OR state IN ('quarantined', 'returned', 'reorged', 'replaced')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_deposits_quarantined_until_released"), "deposits")
    op.drop_constraint(op.f("ck_deposits_state_is_known"), "deposits")
    op.create_check_constraint(op.f("ck_deposits_state_is_known"), "deposits", f"state IN ({STATES})")
    op.drop_index("ix_deposits_quarantined", "deposits")
    op.drop_column("deposits", "is_quarantined")
    op.drop_table("deposit_quarantines")
