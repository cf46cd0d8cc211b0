"""Holds in one call find the ledger's rows by their indexes too, as 0084 has it of the functions that were there.

Without it, a connection whose first statement is a hold learns to read the accounts from end to end, and the checks of
foreign keys keep that plan for every transfer that follows.

Revision ID: 0089
Revises: 0085
"""

from alembic import op

revision = "0089"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER FUNCTION ledger_hold SET enable_seqscan = off")


def downgrade() -> None:
    op.execute("ALTER FUNCTION ledger_hold RESET enable_seqscan")
