"""What the states of the components are read from: the addresses issued last, and alerts by transaction and by time.

Revision ID: 0060
Revises: 0063
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deposit_addresses_issued",
        "deposit_addresses",
        ["chain", "issued_at"],
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index("ix_ops_alerts_tx_hash", "ops_alerts", ["tx_hash"], postgresql_where=sa.text("tx_hash IS NOT NULL"))
    op.create_index("ix_ops_alerts_recorded_at", "ops_alerts", ["recorded_at"])


def downgrade() -> None:
    op.drop_index("ix_ops_alerts_recorded_at", "ops_alerts")
    op.drop_index("ix_ops_alerts_tx_hash", "ops_alerts")
    op.drop_index("ix_deposit_addresses_issued", "deposit_addresses")
