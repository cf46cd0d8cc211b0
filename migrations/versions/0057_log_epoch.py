"""The event log goes on after a restore into another server, whose transactions are numbered from the beginning again.

Revision ID: 0057
Revises: 0056
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "0057_log_epoch.sql"
TABLES = ("flow_events", "ops_alerts", "funding_observations")


def upgrade() -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(SQL.read_text())
    cursor.close()
    for table in TABLES:
        op.alter_column(table, "xid", server_default=sa.text("log_xid()"))


def downgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "xid", server_default=sa.text("(pg_current_xact_id()::text)::bigint"))
    op.execute("DROP FUNCTION log_catch_up, log_is_ahead, log_settled_xid, log_xid")
    op.execute("DROP TABLE log_epoch")
