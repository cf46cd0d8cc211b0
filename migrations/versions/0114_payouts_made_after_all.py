"""Payments that failed and were made after all: looked for, told of and settled; and losses that come back before that.

Revision ID: 0114
Revises: 0101
"""

import sqlalchemy as sa
from alembic import op

revision = "0114"
down_revision = "0101"
branch_labels = None
depends_on = None

TABLE = "payouts_made_after_all"
LOSS_STATES = "ck_losses_state_is_known"
LOOKED_AT = "ix_payouts_looked_at_again"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fee_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("settled_how", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("loss_id", sa.Uuid(), nullable=True),
        sa.Column("settlements", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "said IN ('pending', 'completed', 'failed')", name=op.f("ck_payouts_made_after_all_word_is_known")
        ),
        sa.CheckConstraint(
            "settled_how IN ('lost', 'recovered')", name=op.f("ck_payouts_made_after_all_settlement_is_known")
        ),
        sa.CheckConstraint(
            "num_nulls(settled_how, settled_at, settled_by) IN (0, 3)",
            name=op.f("ck_payouts_made_after_all_settlement_is_whole"),
        ),
        sa.CheckConstraint(
            "(settled_how IS NOT DISTINCT FROM 'lost') = (loss_id IS NOT NULL)",
            name=op.f("ck_payouts_made_after_all_lost_as_a_loss"),
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_payouts_made_after_all_payout_id_payouts")
        ),
        sa.ForeignKeyConstraint(["loss_id"], ["losses.id"], name=op.f("fk_payouts_made_after_all_loss_id_losses")),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payouts_made_after_all")),
    )
    op.create_index(op.f("ix_payouts_made_after_all_loss_id"), TABLE, ["loss_id"])
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE ON {TABLE} TO strongroom_app;
            END IF;
        END $$
        """
    )
    op.drop_constraint(op.f(LOSS_STATES), "losses", type_="check")
    op.create_check_constraint(
        op.f(LOSS_STATES), "losses", "state IN ('carried', 'proposed', 'booked', 'refused', 'returned')"
    )
    op.drop_index(LOOKED_AT, "payouts")
    op.create_index(
        LOOKED_AT,
        "payouts",
        ["chain", "due_at"],
        postgresql_where=sa.text("state IN ('completed', 'failed') AND due_at IS NOT NULL"),
    )
    # Only payments of providers fail on those words. What failed within a month is looked for from now on.
    op.execute(
        """
        UPDATE payouts SET due_at = now()
        WHERE state = 'failed' AND void_because IN ('refused', 'never_made') AND due_at IS NULL
            AND state_changed_at > now() - interval '30 days'
        """
    )


def downgrade() -> None:
    op.execute("UPDATE payouts SET due_at = NULL WHERE state = 'failed'")
    op.drop_index(LOOKED_AT, "payouts")
    op.create_index(
        LOOKED_AT,
        "payouts",
        ["chain", "due_at"],
        postgresql_where=sa.text("state = 'completed' AND due_at IS NOT NULL"),
    )
    op.drop_constraint(op.f(LOSS_STATES), "losses", type_="check")
    op.execute("UPDATE losses SET state = 'refused' WHERE state = 'returned'")
    op.create_check_constraint(op.f(LOSS_STATES), "losses", "state IN ('carried', 'proposed', 'booked', 'refused')")
    op.drop_table(TABLE)
