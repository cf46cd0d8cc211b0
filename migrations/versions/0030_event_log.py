"""The log of events: what is appended says which transaction wrote it, and consumers remember how far they have read.

What is on record already counts as written by transaction 0, before all others; none of it is rewritten.

Revision ID: 0030
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0019"
branch_labels = None
depends_on = None

WRITTEN_BY = "(pg_current_xact_id()::text)::bigint"
SOURCES = {"flow_events": "id", "ops_alerts": "seq", "funding_observations": "seq"}


def upgrade() -> None:
    for table, number in SOURCES.items():
        # With a constant default no row is written anew; the one that later rows get is set after it.
        op.add_column(table, sa.Column("xid", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        op.alter_column(table, "xid", server_default=sa.text(WRITTEN_BY))
        if number == "seq":
            op.add_column(table, sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False))
        op.create_index(f"ix_{table}_xid_{number}", table, ["xid", number], unique=number == "seq")
    op.create_table(
        "consumers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_consumers")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON consumers TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("consumers")
    for table, number in reversed(SOURCES.items()):
        op.drop_index(f"ix_{table}_xid_{number}", table)
        if number == "seq":
            op.drop_column(table, "seq")
        op.drop_column(table, "xid")
