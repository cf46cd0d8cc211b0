"""What the page of a flow tells besides: how long steps usually last, which lines were logged, which alerts concern it.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow_step_stats",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step_count", sa.BigInteger(), nullable=False),
        sa.Column("p50_s", sa.Double(), nullable=False),
        sa.Column("p90_s", sa.Double(), nullable=False),
        sa.Column("p99_s", sa.Double(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "state", name=op.f("pk_flow_step_stats")),
    )
    op.create_table(
        "kept_log_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("logger", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("said", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_log_lines")),
    )
    op.create_index("ix_kept_log_lines_correlation_id", "kept_log_lines", ["correlation_id", "id"])
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON flow_step_stats TO strongroom_app;
                GRANT SELECT, INSERT, DELETE ON kept_log_lines TO strongroom_app;
            END IF;
        END $$
        """
    )
    op.create_index("ix_ops_alerts_service_scope", "ops_alerts", ["service_scope"])


def downgrade() -> None:
    op.drop_index("ix_ops_alerts_service_scope", "ops_alerts")
    op.drop_table("kept_log_lines")
    op.drop_table("flow_step_stats")
