"""The moves of the last two hours by the minute: what the dashboard's live series are drawn from.

Revision ID: 0063
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow_minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("waited", sa.BigInteger(), nullable=False),
        sa.Column("move_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "kind", "from_state", "to_state", "waited", name=op.f("pk_flow_minutes")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON flow_minutes TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("flow_minutes")
