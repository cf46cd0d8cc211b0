"""Claims that were verified by their depth alone are looked at once more: those that are due are found by an index.

Revision ID: 0085
Revises: 0088
"""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0088"
branch_labels = None
depends_on = None

INDEX = "ix_payment_verifications_verified_due"


def upgrade() -> None:
    op.create_index(
        INDEX,
        "payment_verifications",
        ["due_at"],
        postgresql_where=sa.text("state = 'verified' AND due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(INDEX, "payment_verifications")
