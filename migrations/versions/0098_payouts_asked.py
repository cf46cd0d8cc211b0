"""When a provider was first asked for a payment is on record before it can be: a reference is forgotten at some time.

Payments from before have no such moment; those that were asked for count from when they were made.

Revision ID: 0098
Revises: 0096
"""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payouts", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("payouts", "asked_at")
