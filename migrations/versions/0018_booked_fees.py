"""What the ledger says that a payment has cost, to be corrected when another block makes it another cost.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payouts", sa.Column("fee_booked_minor", sa.Numeric(78, 0), nullable=True))
    op.execute(
        """
        UPDATE payouts SET fee_booked_minor = coalesce(payouts.fee_minor, form.fee_minor)
        FROM payout_transactions AS form
        WHERE form.payout_id = payouts.id AND form.txid = payouts.txid
            AND (payouts.state = 'completed' OR payouts.state = 'failed' AND payouts.void_because IS NOT NULL)
        """
    )


def downgrade() -> None:
    op.drop_column("payouts", "fee_booked_minor")
