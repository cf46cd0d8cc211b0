"""Requests by the minute and tasks in total: what processes count for themselves and add up here now and then.

Revision ID: 0061
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_count", sa.BigInteger(), nullable=False),
        sa.Column("error_count", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", name=op.f("pk_request_minutes")),
    )
    op.create_table(
        "task_totals",
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("run_count", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task", "outcome", name=op.f("pk_task_totals")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON request_minutes, task_totals TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("task_totals")
    op.drop_table("request_minutes")
