"""The ledger: accounts, transactions, transfers and seals, the functions that write them, the guards around them.

Revision ID: 0002
Revises: 0001
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"
PARTS = ("tables", "accounts", "single", "posting", "seals", "guards", "grants")


def upgrade() -> None:
    # The driver's own cursor: these files are sent as they stand, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    for part in PARTS:
        cursor.execute((SQL / f"0002_ledger_{part}.sql").read_text())
    cursor.close()


def downgrade() -> None:
    op.execute("DROP VIEW ledger_transfer_leaves, ledger_transaction_leaves, ledger_account_leaves, ledger_entries")
    op.execute(
        "DROP FUNCTION ledger_open_account, ledger_split_account, ledger_balance_at, ledger_lock, ledger_write, "
        "ledger_transfer, ledger_free_shard, ledger_seal, ledger_seal_range, ledger_seal_digest"
    )
    op.execute("DROP TABLE ledger_horizons, ledger_seals, ledger_transfers, ledger_transactions, ledger_accounts")
    op.execute("DROP FUNCTION ledger_refuse")
