"""Watched wallets know the keys that their extended keys derive to, so that whoever proves one finds its wallet.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watch_wallets", sa.Column("derived_keys", sa.LargeBinary(), nullable=True))
    # Derived once more by the task that derives new ones; balances and addresses stay as they are meanwhile.
    op.execute(
        """
        UPDATE watch_wallets SET state = 'pending', checked_at = NULL, due_at = NULL, lease_owner = NULL,
            lease_until = NULL, lease_generation = lease_generation + 1
        WHERE state = 'ready' AND descriptor ~ '[xt]pub' AND descriptor ~ '(multi|^tr|sh\\(pkh?)\\('
        """
    )


def downgrade() -> None:
    op.drop_column("watch_wallets", "derived_keys")
