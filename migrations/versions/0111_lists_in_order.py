"""Lists in the order in which they are read: withdrawals that ended unpaid, and the addresses that are not taken from.

Revision ID: 0111
Revises: 0110
"""

import sqlalchemy as sa
from alembic import op

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

UNPAID = "ix_withdrawals_unpaid"
LISTED = "ix_listed_addresses_address_chain"


def upgrade() -> None:
    unpaid = sa.text("state IN ('rejected', 'cancelled', 'failed')")
    op.create_index(UNPAID, "withdrawals", ["state", "id"], postgresql_where=unpaid)
    op.create_index(LISTED, "listed_addresses", ["address", "chain"])


def downgrade() -> None:
    op.drop_index(LISTED, "listed_addresses")
    op.drop_index(UNPAID, "withdrawals")
