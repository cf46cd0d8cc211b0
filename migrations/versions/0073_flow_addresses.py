"""Flows are found by the address that was paid.

Revision ID: 0073
Revises: 0072
"""

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_deposit_addresses_address", "deposit_addresses", ["address"], postgresql_using="hash")
    op.create_index("ix_withdrawals_destination_flow_id", "withdrawals", ["destination", "flow_id"])
    # It does all that the index on the address alone did, and has what an address was paid in order.
    op.create_index("ix_deposits_address_id_flow_id", "deposits", ["address_id", "flow_id"])
    op.drop_index("ix_deposits_address_id", "deposits")


def downgrade() -> None:
    op.create_index("ix_deposits_address_id", "deposits", ["address_id"])
    op.drop_index("ix_deposits_address_id_flow_id", "deposits")
    op.drop_index("ix_withdrawals_destination_flow_id", "withdrawals")
    op.drop_index("ix_deposit_addresses_address", "deposit_addresses")
