"""Post with fewer checks that cannot fail: accounts move at once, and shards are found by number.

A shard was looked for with `id = … random() …`, which reads the whole table and draws for each row. The identity of an
account is checked when it opens, not at every posting. That a transfer has its transaction needs no foreign key: both are
written by one function, neither can be deleted, and a verification looks.

Revision ID: 0010
Revises: 0009
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run(
        "0010_ledger_transfer",
        "0010_ledger_write",
        "0010_ledger_accounts",
    )
    op.drop_constraint("fk_ledger_transfers_transaction_id_ledger_transactions", "ledger_transfers")


def downgrade() -> None:
    op.create_foreign_key(
        "fk_ledger_transfers_transaction_id_ledger_transactions",
        "ledger_transfers",
        "ledger_transactions",
        ["transaction_id"],
        ["id"],
    )
    _run("0010_ledger_accounts_undone", "0002_ledger_single", "0002_ledger_posting")


def _run(*names: str) -> None:
    # The driver's own cursor: these files are sent as they stand, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    for name in names:
        text = (SQL / f"{name}.sql").read_text()
        cursor.execute(text.replace("CREATE FUNCTION ledger_", "CREATE OR REPLACE FUNCTION ledger_"))
    cursor.close()
