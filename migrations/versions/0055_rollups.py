"""What moved by the hour, and how much stands where: the sums that the operator's dashboard is drawn from.

Revision ID: 0055
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow_rollups",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("waited", sa.BigInteger(), nullable=False),
        sa.Column("move_count", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "kind", "asset_id", "from_state", "to_state", "waited", name=op.f("pk_flow_rollups")
        ),
    )
    op.create_table(
        "flow_stocks",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("flow_count", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.PrimaryKeyConstraint("kind", "asset_id", "state", name=op.f("pk_flow_stocks")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE ON flow_rollups, flow_stocks TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("flow_stocks")
    op.drop_table("flow_rollups")
