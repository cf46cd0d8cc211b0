"""Which app asked for a quote: no other one may use it.

Revision ID: 0107
Revises: 0091
"""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversion_quotes", sa.Column("client_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("conversion_quotes", "client_id")
