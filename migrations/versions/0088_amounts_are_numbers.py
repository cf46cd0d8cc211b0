"""An amount is a number: PostgreSQL counts NaN as greater than all of them, so "more than nothing" let it pass.

The table is long: the rule is added without reading it, and read afterwards under a lock that nobody waits for.

Revision ID: 0088
Revises: 0084
"""

from alembic import op

revision = "0088"
down_revision = "0084"
branch_labels = None
depends_on = None

NAME = "ck_ledger_transfers_amount_positive"


def upgrade() -> None:
    _replace("amount > 0 AND amount < 'NaN'")


def downgrade() -> None:
    _replace("amount > 0")


def _replace(rule: str) -> None:
    op.execute(f"ALTER TABLE ledger_transfers DROP CONSTRAINT {NAME}, ADD CONSTRAINT {NAME} CHECK ({rule}) NOT VALID")
    op.execute(f"ALTER TABLE ledger_transfers VALIDATE CONSTRAINT {NAME}")
