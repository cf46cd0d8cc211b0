"""Find the ledger's rows by their indexes, whatever their number was when a connection learnt how.

A connection keeps the plans of these functions, and of the foreign keys that they meet. Those made while the tables were
small read them from end to end, and went on doing so while they grew, until somebody analysed them. Whether a row EXISTS
may be found out by reading all rows at once, which no setting forbids; what one row says is always looked for.

Revision ID: 0084
Revises: 0076
"""

from alembic import op
from sqlalchemy import text

revision = "0084"
down_revision = "0076"
branch_labels = None
depends_on = None

FUNCTIONS = "ledger_lock", "ledger_write", "ledger_transfer"
# Each has one such row at most: a unique index says so.
RESOLVED = "FROM ledger_transfers AS r WHERE r.resolves_id = h.id"
REVERSED = "FROM ledger_transactions AS r WHERE r.reverses_id = t.id AND r.outcome = 'posted'"
READ_AT_ONCE, LOOKED_FOR = "EXISTS (SELECT {})", "(SELECT true {}) IS NOT NULL"


def upgrade() -> None:
    _rewrite(READ_AT_ONCE, LOOKED_FOR)
    for name in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {name} SET enable_seqscan = off")


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {name} RESET enable_seqscan")
    _rewrite(LOOKED_FOR, READ_AT_ONCE)


def _rewrite(old: str, new: str) -> None:
    connection = op.get_bind()
    source: str = connection.execute(text("SELECT pg_get_functiondef('ledger_lock'::regproc)")).scalar_one()
    for part in (RESOLVED, REVERSED):
        if source.count(old.format(part)) != 1:
            raise RuntimeError(f"ledger_lock is not what this revision rewrites: {old.format(part)}")
        source = source.replace(old.format(part), new.format(part))
    # The driver's own cursor: it is sent as it stands, with nothing read as a parameter.
    connection.connection.cursor().execute(source)
