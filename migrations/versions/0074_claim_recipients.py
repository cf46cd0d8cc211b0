"""Claims are found by the address that they say was paid.

Revision ID: 0074
Revises: 0073
"""

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_payment_verifications_recipient_flow_id", "payment_verifications", ["recipient", "flow_id"])


def downgrade() -> None:
    op.drop_index("ix_payment_verifications_recipient_flow_id", "payment_verifications")
