"""What grows with history no longer slows the present: what stands and what was received have tables, others indexes.

Revision ID: 0071
Revises: 0074
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0074"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"
Made = tuple[str, str, list[str], str | None]
"""An index: its name, table and columns, and of which rows it is."""

ADDED: tuple[Made, ...] = (
    # The last transition of an alert is the last that was appended, whatever the clocks of two hosts say.
    ("ix_ops_alerts_fingerprint_seq", "ops_alerts", ["fingerprint", "seq"], None),
    ("ix_ops_alerts_seq", "ops_alerts", ["seq"], None),
    ("ix_audit_logs_event_id", "audit_logs", ["event", "id"], None),
    ("ix_audit_logs_address_id", "audit_logs", ["address", "id"], "address IS NOT NULL"),
    ("ix_audit_logs_refused", "audit_logs", ["id"], "NOT success"),
    ("ix_deposits_set_back", "deposits", ["user_id"], "state IN ('reorged', 'quarantined')"),
    ("ix_deposits_uncredited", "deposits", ["asset_id"], "state IN ('below_minimum', 'quarantined', 'reorged')"),
    ("ix_deposits_unswept", "deposits", ["chain", "address_id"], "sweep_id IS NULL AND block_height IS NOT NULL"),
    ("ix_deposit_addresses_user_id_issued_at", "deposit_addresses", ["user_id", "issued_at"], None),
    ("ix_webhook_deliveries_endpoint_id_id", "webhook_deliveries", ["endpoint_id", "id"], None),
    ("ix_webhook_deliveries_failed", "webhook_deliveries", ["endpoint_id", "id"], "state = 'failed'"),
    ("ix_payment_verifications_state_id", "payment_verifications", ["state", "id"], None),
    (
        "ix_payouts_unsettled_sweeps",
        "payouts",
        ["sweep_id"],
        "purpose = 'sweep' AND (state <> 'completed' OR block_height IS NULL)",
    ),
)
# What those serve as well.
REPLACED: tuple[Made, ...] = (
    ("ix_ops_alerts_fingerprint_recorded_at", "ops_alerts", ["fingerprint", "recorded_at"], None),
    ("ix_audit_logs_event", "audit_logs", ["event"], None),
)


def upgrade() -> None:
    _replace(REPLACED, ADDED)
    # The driver's own cursor: the files are sent as they stand, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    for name in ("0071_standing_alerts.sql", "0071_received_transfers.sql"):
        cursor.execute((SQL / name).read_text())
    cursor.close()


def downgrade() -> None:
    op.execute("DROP TRIGGER ops_alerts_note_standing ON ops_alerts")
    op.execute("DROP FUNCTION note_standing_alert")
    op.drop_table("standing_alerts")
    op.drop_table("received_transfers")
    _replace(ADDED, REPLACED)


def _replace(gone: tuple[Made, ...], made: tuple[Made, ...]) -> None:
    for name, table, columns, rows in made:
        op.create_index(name, table, columns, postgresql_where=None if rows is None else sa.text(rows))
    for name, table, _, _ in gone:
        op.drop_index(name, table)
