"""Conversions: what may be converted into what, what was quoted, and what was asked for on a quote.

Revision ID: 0078
Revises: 0080
"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0080"
branch_labels = None
depends_on = None

MINOR = sa.Numeric(78, 0)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_pairs()
    _make_quotes()
    _make_conversions()
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE ON conversion_pairs, conversions TO strongroom_app;
                -- What was quoted is not changed: it is used, or forgotten.
                GRANT SELECT, INSERT, DELETE, UPDATE (used_at) ON conversion_quotes TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("conversions")
    op.drop_table("conversion_quotes")
    op.drop_table("conversion_pairs")


def _make_pairs() -> None:
    op.create_table(
        "conversion_pairs",
        sa.Column("from_asset_id", sa.Text(), nullable=False),
        sa.Column("to_asset_id", sa.Text(), nullable=False),
        sa.Column("from_price", sa.Text(), nullable=False),
        sa.Column("to_price", sa.Text(), nullable=False),
        sa.Column("spread_ppm", sa.BigInteger(), nullable=False),
        sa.Column("fee_ppm", sa.BigInteger(), nullable=False),
        sa.Column("minimum_minor", MINOR, nullable=False),
        sa.Column("maximum_minor", MINOR, nullable=False),
        sa.Column("quote_lifetime_s", sa.BigInteger(), nullable=False),
        sa.Column("tolerance_ppm", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.CheckConstraint("from_asset_id <> to_asset_id", name=op.f("ck_conversion_pairs_two_assets")),
        sa.CheckConstraint(
            "spread_ppm >= 0 AND fee_ppm >= 0 AND spread_ppm + fee_ppm < 1000000",
            name=op.f("ck_conversion_pairs_charges_in_range"),
        ),
        sa.CheckConstraint(
            "minimum_minor > 0 AND maximum_minor >= minimum_minor", name=op.f("ck_conversion_pairs_range_is_not_empty")
        ),
        sa.CheckConstraint("quote_lifetime_s BETWEEN 1 AND 3600", name=op.f("ck_conversion_pairs_lifetime_in_range")),
        sa.CheckConstraint("tolerance_ppm BETWEEN 0 AND 1000000", name=op.f("ck_conversion_pairs_tolerance_in_range")),
        *(
            sa.ForeignKeyConstraint([column], ["assets.asset_id"], name=op.f(f"fk_conversion_pairs_{column}_assets"))
            for column in ("from_asset_id", "to_asset_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], ["price_pairs.pair"], name=op.f(f"fk_conversion_pairs_{column}_price_pairs")
            )
            for column in ("from_price", "to_price")
        ),
        sa.PrimaryKeyConstraint("from_asset_id", "to_asset_id", name=op.f("pk_conversion_pairs")),
    )
    for column in ("from_price", "to_price"):
        op.create_index(op.f(f"ix_conversion_pairs_{column}"), "conversion_pairs", [column])


def _make_quotes() -> None:
    op.create_table(
        "conversion_quotes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("from_asset_id", sa.Text(), nullable=False),
        sa.Column("to_asset_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", MINOR, nullable=False),
        sa.Column("taken_minor", MINOR, nullable=False),
        sa.Column("net_minor", MINOR, nullable=False),
        sa.Column("spread_minor", MINOR, nullable=False),
        sa.Column("fee_minor", MINOR, nullable=False),
        sa.Column("receives_minor", MINOR, nullable=False),
        sa.Column("rate", sa.Numeric(60, 30), nullable=False),
        sa.Column("quoted_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.CheckConstraint(
            "taken_minor = net_minor + spread_minor + fee_minor",
            name=op.f("ck_conversion_quotes_taken_is_accounted_for"),
        ),
        sa.CheckConstraint("taken_minor <= amount_minor", name=op.f("ck_conversion_quotes_never_more_than_asked")),
        sa.CheckConstraint(
            "net_minor > 0 AND receives_minor > 0 AND spread_minor >= 0 AND fee_minor >= 0",
            name=op.f("ck_conversion_quotes_whole"),
        ),
        sa.CheckConstraint("rate > 0", name=op.f("ck_conversion_quotes_rate_is_positive")),
        sa.ForeignKeyConstraint(
            ["from_asset_id", "to_asset_id"],
            ["conversion_pairs.from_asset_id", "conversion_pairs.to_asset_id"],
            name=op.f("fk_conversion_quotes_from_asset_id_to_asset_id_conversion_pairs"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_conversion_quotes_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversion_quotes")),
    )
    op.create_index(
        "ix_conversion_quotes_from_asset_id_to_asset_id", "conversion_quotes", ["from_asset_id", "to_asset_id"]
    )
    op.create_index(
        "ix_conversion_quotes_unused",
        "conversion_quotes",
        ["expires_at"],
        postgresql_where=sa.text("used_at IS NULL"),
    )


def _make_conversions() -> None:
    op.create_table(
        "conversions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quote_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failed_because", sa.Text(), nullable=True),
        sa.Column("net_hold_id", sa.BigInteger(), nullable=False),
        sa.Column("spread_hold_id", sa.BigInteger(), nullable=True),
        sa.Column("fee_hold_id", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("state_changed_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("state IN ('requested', 'completed', 'failed')", name=op.f("ck_conversions_state_is_known")),
        sa.CheckConstraint("(state = 'requested') = (closed_at IS NULL)", name=op.f("ck_conversions_closed_at_rest")),
        sa.CheckConstraint(
            "(state = 'failed') = (failed_because IS NOT NULL)", name=op.f("ck_conversions_failures_have_a_reason")
        ),
        sa.CheckConstraint(
            "(state = 'completed') = (transaction_id IS NOT NULL)",
            name=op.f("ck_conversions_completed_by_one_transaction"),
        ),
        sa.ForeignKeyConstraint(
            ["quote_id"], ["conversion_quotes.id"], name=op.f("fk_conversions_quote_id_conversion_quotes")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_conversions_user_id_users")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_conversions_flow_id_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversions")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_conversions_quote_id")),
    )
    op.create_index("ix_conversions_user_id_id", "conversions", ["user_id", "id"])
    op.create_index(op.f("ix_conversions_flow_id"), "conversions", ["flow_id"])
    op.create_index("ix_conversions_due", "conversions", ["due_at"], postgresql_where=sa.text("state = 'requested'"))
