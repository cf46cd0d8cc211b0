"""Addresses that nobody is to be given any more: a dump that was restored does not know to whom they were.

Revision ID: 0091
Revises: 0097
"""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0097"
branch_labels = None
depends_on = None

POOL = "ix_deposit_addresses_pool"


def upgrade() -> None:
    op.add_column("deposit_addresses", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_deposit_addresses_retired_is_nobodys"), "deposit_addresses", "retired_at IS NULL OR user_id IS NULL"
    )
    _index_pool("user_id IS NULL AND retired_at IS NULL")


def downgrade() -> None:
    _index_pool("user_id IS NULL")
    op.drop_constraint(op.f("ck_deposit_addresses_retired_is_nobodys"), "deposit_addresses")
    op.drop_column("deposit_addresses", "retired_at")


def _index_pool(which: str) -> None:
    op.drop_index(POOL, table_name="deposit_addresses")
    op.create_index(POOL, "deposit_addresses", ["chain", "id"], postgresql_where=sa.text(which))
