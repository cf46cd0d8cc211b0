"""Watch-only wallets: descriptors, the addresses they derive to, one scanner a chain, and proofs of keys.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("watch_wallets", "watch_addresses", "watch_scanners", "watch_challenges")
PRIVATE = (
    "(^|[^0-9A-Za-z])[A-Za-z]prv[1-9A-HJ-NP-Za-km-z]{50}|(^|[^0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{51,52}($|[^0-9A-Za-z])"
)


def upgrade() -> None:
    create_wallets()
    create_addresses()
    create_scanners()
    create_challenges()
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(TABLES)} TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def lease() -> list[sa.Column[object]]:
    return [
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
    ]


def create_wallets() -> None:
    op.create_table(
        "watch_wallets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("descriptor", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("public_keys", JSONB(), nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=True),
        sa.Column("last_index", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("refusal_reason", sa.Text(), nullable=True),
        sa.Column("waiting_reason", sa.Text(), nullable=True),
        sa.Column("address_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("balance_minor", sa.Numeric(78, 0), nullable=True),
        sa.Column("balance_outputs", sa.BigInteger(), nullable=True),
        sa.Column("balance_height", sa.BigInteger(), nullable=True),
        sa.Column("balance_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_pass", sa.BigInteger(), nullable=True),
        *lease(),
        sa.CheckConstraint("state IN ('pending', 'ready', 'refused')", name=op.f("ck_watch_wallets_state_is_known")),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_watch_wallets_refused_with_its_reason")
        ),
        sa.CheckConstraint(
            "num_nulls(first_index, last_index) IN (0, 2)", name=op.f("ck_watch_wallets_range_is_whole")
        ),
        sa.CheckConstraint("first_index BETWEEN 0 AND last_index", name=op.f("ck_watch_wallets_range_is_ordered")),
        sa.CheckConstraint(
            "num_nulls(balance_minor, balance_outputs, balance_height, balance_at) IN (0, 4)",
            name=op.f("ck_watch_wallets_balance_is_whole"),
        ),
        sa.CheckConstraint("balance_minor >= 0", name=op.f("ck_watch_wallets_balance_not_negative")),
        sa.CheckConstraint(f"descriptor !~ '{PRIVATE}'", name=op.f("ck_watch_wallets_holds_no_private_key")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_watch_wallets_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_wallets")),
    )
    op.create_index(
        "uq_watch_wallets_user_id_chain_digest", "watch_wallets", ["user_id", "chain", "digest"], unique=True
    )
    op.create_index(
        "ix_watch_wallets_pending",
        "watch_wallets",
        ["chain", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_watch_wallets_scan",
        "watch_wallets",
        ["chain", "scan_requested_at"],
        unique=False,
        postgresql_where=sa.text("scan_requested_at IS NOT NULL"),
    )


def create_addresses() -> None:
    op.create_table(
        "watch_addresses",
        sa.Column("wallet_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("script", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["watch_wallets.id"], name=op.f("fk_watch_addresses_wallet_id_watch_wallets")
        ),
        sa.PrimaryKeyConstraint("wallet_id", "place", name=op.f("pk_watch_addresses")),
    )
    op.create_index("ix_watch_addresses_script", "watch_addresses", ["script"], unique=False, postgresql_using="hash")


def create_scanners() -> None:
    op.create_table(
        "watch_scanners",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_at", sa.DateTime(timezone=True), nullable=True),
        *lease(),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_watch_scanners_progress_is_a_percentage")),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_watch_scanners")),
    )


def create_challenges() -> None:
    op.create_table(
        "watch_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_watch_challenges_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_challenges")),
        sa.UniqueConstraint("message", name=op.f("uq_watch_challenges_message")),
    )
    op.create_index(op.f("ix_watch_challenges_user_id"), "watch_challenges", ["user_id"], unique=False)
