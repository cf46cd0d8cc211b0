"""Checks that remember how far they have come, so that a minute's costs what the minute brought.

Revision ID: 0082
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0071"
branch_labels = None
depends_on = None

TABLES = ("ledger_readers", "check_rounds")


def upgrade() -> None:
    op.create_table(
        "ledger_readers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_readers")),
    )
    op.create_table(
        "check_rounds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finding_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_check_rounds")),
        sa.CheckConstraint("after IS NULL OR part IS NOT NULL", name=op.f("ck_check_rounds_place_is_in_a_part")),
        sa.CheckConstraint("finding_count >= 0", name=op.f("ck_check_rounds_findings_count_up")),
    )
    for table in TABLES:
        op.execute(
            f"""
            DO $$ BEGIN
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                    GRANT SELECT, INSERT, UPDATE ON {table} TO strongroom_app;
                END IF;
            END $$
            """
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
