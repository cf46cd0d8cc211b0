"""Rails beside the Bitcoin family: contracts of assets, finality, derived addresses, fees in another asset, failures.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asset_contracts",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_asset_contracts_asset_id_assets")),
        sa.PrimaryKeyConstraint("chain", "contract", name=op.f("pk_asset_contracts")),
    )
    op.create_index(op.f("ix_asset_contracts_asset_id"), "asset_contracts", ["asset_id"])
    op.execute(
        "INSERT INTO asset_contracts (chain, contract, asset_id) SELECT chain, coalesce(contract, ''), asset_id FROM assets"
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON asset_contracts TO strongroom_app;
            END IF;
        END $$
        """
    )
    op.add_column("chain_cursors", sa.Column("final_height", sa.BigInteger(), nullable=True))
    op.add_column("deposit_addresses", sa.Column("derivation_index", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_deposit_addresses_derived",
        "deposit_addresses",
        ["chain", "derivation_index"],
        postgresql_where=sa.text("derivation_index IS NOT NULL"),
    )
    widen_payouts()


def downgrade() -> None:
    op.drop_column("payout_transactions", "is_cancellation")
    for constraint in ("purpose_is_known", "void_reason_is_known"):
        op.drop_constraint(op.f(f"ck_payouts_{constraint}"), "payouts", type_="check")
    op.drop_constraint(op.f("fk_payouts_fee_asset_id_assets"), "payouts", type_="foreignkey")
    for column in ("provider_id", "void_because", "fee_minor", "purpose", "fee_asset_id"):
        op.drop_column("payouts", column)
    op.drop_index("ix_deposit_addresses_derived", table_name="deposit_addresses")
    op.drop_column("deposit_addresses", "derivation_index")
    op.drop_column("chain_cursors", "final_height")
    op.drop_index(op.f("ix_asset_contracts_asset_id"), table_name="asset_contracts")
    op.drop_table("asset_contracts")


def widen_payouts() -> None:
    op.add_column("payouts", sa.Column("fee_asset_id", sa.Text(), nullable=True))
    op.execute("UPDATE payouts SET fee_asset_id = asset_id")
    op.alter_column("payouts", "fee_asset_id", nullable=False)
    op.create_foreign_key(op.f("fk_payouts_fee_asset_id_assets"), "payouts", "assets", ["fee_asset_id"], ["asset_id"])
    op.add_column("payouts", sa.Column("purpose", sa.Text(), server_default="withdrawal", nullable=False))
    op.add_column("payouts", sa.Column("fee_minor", sa.Numeric(78, 0), nullable=True))
    op.add_column("payouts", sa.Column("void_because", sa.Text(), nullable=True))
    op.add_column("payouts", sa.Column("provider_id", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_payouts_purpose_is_known"), "payouts", "purpose IN ('withdrawal', 'sweep', 'gas_top_up')"
    )
    op.create_check_constraint(
        op.f("ck_payouts_void_reason_is_known"), "payouts", "void_because IN ('reverted', 'cancelled', 'refused')"
    )
    op.add_column(
        "payout_transactions", sa.Column("is_cancellation", sa.Boolean(), server_default="false", nullable=False)
    )
