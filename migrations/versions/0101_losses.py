"""What suspense carries for good, and the two operators who say so.

Revision ID: 0101
Revises: 0111
"""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0111"
branch_labels = None
depends_on = None

TABLE = "losses"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("is_gain", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("txid", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('carried', 'proposed', 'booked', 'refused')", name=op.f("ck_losses_state_is_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_losses_amount_is_positive")),
        sa.CheckConstraint("num_nulls(proposed_at, proposed_by) IN (0, 2)", name=op.f("ck_losses_proposal_is_whole")),
        sa.CheckConstraint("num_nulls(decided_at, decided_by) IN (0, 2)", name=op.f("ck_losses_decision_is_whole")),
        sa.CheckConstraint(
            "state <> 'booked' OR num_nonnulls(proposed_by, decided_by, transaction_id) = 3",
            name=op.f("ck_losses_booked_by_two"),
        ),
        sa.CheckConstraint("state <> 'booked' OR decided_by <> proposed_by", name=op.f("ck_losses_booked_by_another")),
        sa.CheckConstraint("state <> 'carried' OR txid IS NOT NULL", name=op.f("ck_losses_carried_payments_only")),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_losses_asset_id_assets")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_losses_flow_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_losses")),
    )
    op.create_index(op.f("ix_losses_flow_id"), TABLE, ["flow_id"])
    op.create_index("ix_losses_open", TABLE, ["asset_id"], postgresql_where=sa.text("state IN ('carried', 'proposed')"))
    op.create_index(op.f("ix_losses_asset_id"), TABLE, ["asset_id"])
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE ON {TABLE} TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table(TABLE)
