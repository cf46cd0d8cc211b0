"""Each address says which transaction wrote it, so that a filter in memory finds what it has not seen.

Revision ID: 0070
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a constant default no row is written anew; the one that later rows get is set after it.
    op.add_column("deposit_addresses", sa.Column("xid", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.alter_column("deposit_addresses", "xid", server_default=sa.text("log_xid()"))
    op.create_index("ix_deposit_addresses_chain_xid", "deposit_addresses", ["chain", "xid"])


def downgrade() -> None:
    op.drop_index("ix_deposit_addresses_chain_xid", "deposit_addresses")
    op.drop_column("deposit_addresses", "xid")
