"""The name of whoever is paid, where a provider has to be told.

Revision ID: 0105
Revises: 0109
"""

import sqlalchemy as sa
from alembic import op

revision = "0105"
down_revision = "0109"
branch_labels = None
depends_on = None

RANGE = "ck_withdrawals_beneficiary_name_in_range"


def upgrade() -> None:
    op.add_column("withdrawals", sa.Column("beneficiary_name", sa.Text(), nullable=True))
    # Nothing has a name yet: no row need be looked at, and nobody is kept waiting while they are.
    op.execute(
        f"ALTER TABLE withdrawals ADD CONSTRAINT {RANGE} CHECK (char_length(beneficiary_name) BETWEEN 2 AND 80) NOT VALID"
    )
    op.execute(f"ALTER TABLE withdrawals VALIDATE CONSTRAINT {RANGE}")


def downgrade() -> None:
    op.drop_column("withdrawals", "beneficiary_name")
