"""Sweeps of deposit addresses, cancelled payments, what was back-filled, and since when finality stands still.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_sweeps()
    op.add_column("assets", sa.Column("sweep_min_minor", sa.Numeric(78, 0), nullable=True))
    op.create_check_constraint(op.f("ck_assets_sweep_min_is_positive"), "assets", "sweep_min_minor > 0")
    op.add_column("chain_cursors", sa.Column("final_moved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("chain_cursors", sa.Column("backfilled_height", sa.BigInteger(), nullable=True))
    op.add_column("payouts", sa.Column("cancel_requested_by", sa.Text(), nullable=True))
    op.add_column("payout_transactions", sa.Column("amount_minor", sa.Numeric(78, 0), nullable=True))
    for table in ("deposits", "payouts"):
        op.add_column(table, sa.Column("sweep_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_sweep_id_sweeps"), table, "sweeps", ["sweep_id"], ["id"])
        op.create_index(op.f(f"ix_{table}_sweep_id"), table, ["sweep_id"])
    op.create_check_constraint(
        op.f("ck_payouts_sweep_pays_nobody"), "payouts", "purpose <> 'withdrawal' OR sweep_id IS NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_payouts_sweep_pays_nobody"), "payouts", type_="check")
    for table in ("payouts", "deposits"):
        op.drop_index(op.f(f"ix_{table}_sweep_id"), table_name=table)
        op.drop_constraint(op.f(f"fk_{table}_sweep_id_sweeps"), table, type_="foreignkey")
        op.drop_column(table, "sweep_id")
    op.drop_column("payout_transactions", "amount_minor")
    op.drop_column("payouts", "cancel_requested_by")
    op.drop_column("chain_cursors", "backfilled_height")
    op.drop_column("chain_cursors", "final_moved_at")
    op.drop_constraint(op.f("ck_assets_sweep_min_is_positive"), "assets", type_="check")
    op.drop_column("assets", "sweep_min_minor")
    op.drop_table("sweeps")


def _make_sweeps() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waiting_reason", sa.Text(), nullable=True),
        sa.Column("left_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed', 'topping_up', 'signed', 'broadcast', 'confirming', 'uncertain', 'completed', "
            "'failed')",
            name=op.f("ck_sweeps_state_is_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_sweeps_amount_is_positive")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (state NOT IN ('completed', 'failed'))", name=op.f("ck_sweeps_closed_at_rest")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_sweeps_asset_id_assets")),
        sa.ForeignKeyConstraint(
            ["address_id"], ["deposit_addresses.id"], name=op.f("fk_sweeps_address_id_deposit_addresses")
        ),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_sweeps_flow_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_index(
        "uq_sweeps_one_open_for_each_address",
        "sweeps",
        ["address_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_sweeps_due",
        "sweeps",
        ["chain", "due_at"],
        postgresql_where=sa.text("state IN ('proposed', 'topping_up')"),
    )
    op.create_index("ix_sweeps_address_id_id", "sweeps", ["address_id", "id"])
    op.create_index(op.f("ix_sweeps_flow_id"), "sweeps", ["flow_id"])
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON sweeps TO strongroom_app;
            END IF;
        END $$
        """
    )
