"""Reference prices, marks and daily figures of buffers, replenishments, and the screening of deposits.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = (
    "price_pairs",
    "price_sources",
    "reference_prices",
    "buffer_marks",
    "buffer_reports",
    "replenishments",
    "replenishment_arrivals",
    "listed_addresses",
    "screening_policies",
    "deposit_screenings",
)


def upgrade() -> None:
    create_tables()
    op.add_column("buffer_snapshots", sa.Column("spendable_minor", sa.Numeric(78, 0), nullable=True))
    op.add_column(
        "buffer_snapshots", sa.Column("parts", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    )
    op.execute(
        "CREATE TRIGGER reference_prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reference_prices "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(TABLES)} TO strongroom_app;
                REVOKE UPDATE, DELETE ON reference_prices FROM strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_column("buffer_snapshots", "parts")
    op.drop_column("buffer_snapshots", "spendable_minor")
    for table in reversed(TABLES):
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "price_pairs",
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("max_age_s", sa.BigInteger(), nullable=False),
        sa.Column("sources_min", sa.SmallInteger(), nullable=False),
        sa.Column("outlier_bps", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("max_age_s > 0", name=op.f("ck_price_pairs_age_is_positive")),
        sa.CheckConstraint("outlier_bps BETWEEN 0 AND 10000", name=op.f("ck_price_pairs_outlier_in_range")),
        sa.CheckConstraint("sources_min > 0", name=op.f("ck_price_pairs_sources_are_needed")),
        sa.PrimaryKeyConstraint("pair", name=op.f("pk_price_pairs")),
    )
    op.create_table(
        "price_sources",
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("price_path", sa.Text(), nullable=True),
        sa.Column("time_path", sa.Text(), nullable=True),
        sa.Column("fixed_price", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("interval_s", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'fixed') = (fixed_price IS NOT NULL)", name=op.f("ck_price_sources_fixed_is_fixed")
        ),
        sa.CheckConstraint(
            "(kind = 'http') = (url IS NOT NULL AND price_path IS NOT NULL)",
            name=op.f("ck_price_sources_asked_somewhere"),
        ),
        sa.CheckConstraint("kind IN ('http', 'fixed')", name=op.f("ck_price_sources_kind_is_known")),
        sa.CheckConstraint("fixed_price > 0", name=op.f("ck_price_sources_price_is_positive")),
        sa.CheckConstraint("interval_s > 0", name=op.f("ck_price_sources_interval_is_positive")),
        sa.ForeignKeyConstraint(["pair"], ["price_pairs.pair"], name=op.f("fk_price_sources_pair_price_pairs")),
        sa.PrimaryKeyConstraint("pair", "name", name=op.f("pk_price_sources")),
    )
    op.create_index(op.f("ix_price_sources_due_at"), "price_sources", ["due_at"], unique=False)
    op.create_table(
        "reference_prices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("price > 0", name=op.f("ck_reference_prices_price_is_positive")),
        sa.ForeignKeyConstraint(["pair"], ["price_pairs.pair"], name=op.f("fk_reference_prices_pair_price_pairs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_prices")),
    )
    op.create_index(
        "ix_reference_prices_pair_source_observed_at",
        "reference_prices",
        ["pair", "source", "observed_at"],
        unique=False,
    )
    op.create_table(
        "buffer_marks",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("low_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("high_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("discrepancy_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("mismatches_min", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("discrepancy_minor >= 0", name=op.f("ck_buffer_marks_discrepancy_not_negative")),
        sa.CheckConstraint("low_minor >= 0 AND high_minor >= low_minor", name=op.f("ck_buffer_marks_marks_in_order")),
        sa.CheckConstraint("mismatches_min > 0", name=op.f("ck_buffer_marks_mismatches_are_needed")),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_buffer_marks_asset_id_assets")),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_buffer_marks")),
    )
    op.create_table(
        "buffer_reports",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("ok_count", sa.BigInteger(), nullable=False),
        sa.Column("mismatch_count", sa.BigInteger(), nullable=False),
        sa.Column("unknown_count", sa.BigInteger(), nullable=False),
        sa.Column("holding_minor", sa.Numeric(precision=78, scale=0), nullable=True),
        sa.Column("ledger_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("difference_minor", sa.Numeric(precision=78, scale=0), nullable=True),
        sa.Column("spendable_least_minor", sa.Numeric(precision=78, scale=0), nullable=True),
        sa.Column("spendable_most_minor", sa.Numeric(precision=78, scale=0), nullable=True),
        sa.Column("credited_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("paid_out_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_buffer_reports_asset_id_assets")),
        sa.PrimaryKeyConstraint("day", "asset_id", name=op.f("pk_buffer_reports")),
    )
    op.create_table(
        "replenishments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("received_minor", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("address_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_because", sa.Text(), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state <> 'completed' OR received_minor >= amount_minor", name=op.f("ck_replenishments_completed_by_money")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'completed', 'undone', 'cancelled', 'expired')",
            name=op.f("ck_replenishments_state_is_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'completed', 'undone') OR approved_at IS NOT NULL",
            name=op.f("ck_replenishments_funded_once_approved"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_replenishments_amount_is_positive")),
        sa.CheckConstraint(
            "num_nulls(approved_at, approved_by, address_id) IN (0, 3)",
            name=op.f("ck_replenishments_approval_is_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["address_id"], ["deposit_addresses.id"], name=op.f("fk_replenishments_address_id_deposit_addresses")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_replenishments_asset_id_assets")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_replenishments_flow_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replenishments")),
    )
    op.create_index(op.f("ix_replenishments_address_id"), "replenishments", ["address_id"], unique=False)
    op.create_index(op.f("ix_replenishments_asset_id"), "replenishments", ["asset_id"], unique=False)
    op.create_index(op.f("ix_replenishments_flow_id"), "replenishments", ["flow_id"], unique=False)
    op.create_index(
        "uq_replenishments_one_open",
        "replenishments",
        ["asset_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'approved')"),
    )
    op.create_table(
        "replenishment_arrivals",
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("replenishment_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_replenishment_arrivals_deposit_id_deposits")
        ),
        sa.ForeignKeyConstraint(
            ["replenishment_id"],
            ["replenishments.id"],
            name=op.f("fk_replenishment_arrivals_replenishment_id_replenishments"),
        ),
        sa.PrimaryKeyConstraint("deposit_id", name=op.f("pk_replenishment_arrivals")),
    )
    op.create_index(
        op.f("ix_replenishment_arrivals_replenishment_id"), "replenishment_arrivals", ["replenishment_id"], unique=False
    )
    op.create_table(
        "listed_addresses",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "address", name=op.f("pk_listed_addresses")),
    )
    op.create_table(
        "screening_policies",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.CheckConstraint("mode IN ('off', 'list', 'hook')", name=op.f("ck_screening_policies_mode_is_known")),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_screening_policies")),
    )
    op.create_table(
        "deposit_screenings",
        sa.Column("deposit_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("senders", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(verdict = 'waiting') = (due_at IS NOT NULL)", name=op.f("ck_deposit_screenings_waiting_is_due")
        ),
        sa.CheckConstraint("mode IN ('list', 'hook')", name=op.f("ck_deposit_screenings_mode_is_known")),
        sa.CheckConstraint(
            "verdict IN ('clear', 'hit', 'waiting')", name=op.f("ck_deposit_screenings_verdict_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_deposit_screenings_deposit_id_deposits")
        ),
        sa.PrimaryKeyConstraint("deposit_id", name=op.f("pk_deposit_screenings")),
    )
    op.create_index(
        "ix_deposit_screenings_waiting",
        "deposit_screenings",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("verdict = 'waiting'"),
    )
