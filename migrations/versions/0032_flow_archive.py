"""Events of flows that closed long ago are kept compressed, by the month; the application may only have them moved.

Revision ID: 0032
Revises: 0031
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "0032_flow_archive.sql"


def upgrade() -> None:
    op.create_index(
        "ix_flows_closed", "flows", ["closed_at", "group_id"], postgresql_where=sa.text("closed_at IS NOT NULL")
    )
    _run(SQL.read_text())
    offers_lz4 = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    if op.get_bind().scalar(sa.text(offers_lz4)):
        op.execute("ALTER TABLE flow_events_archive ALTER COLUMN events SET COMPRESSION lz4")


def downgrade() -> None:
    op.execute("DROP TRIGGER flow_events_append_only ON flow_events")
    # Nothing is lost: what was put away comes back under its own numbers.
    op.execute(
        "INSERT INTO flow_events (id, group_id, from_state, state, at, actor, correlation_id, detail, xid) "
        "OVERRIDING SYSTEM VALUE SELECT * FROM flow_events_kept EXCEPT ALL SELECT "
        "id, group_id, from_state, state, at, actor, correlation_id, detail, xid FROM flow_events"
    )
    op.execute("DROP VIEW flow_events_kept")
    op.execute("DROP FUNCTION flow_events_archive_some, flow_events_archive_month, refuse_change_but_archiving")
    op.execute("DROP TABLE flow_archive_progress, flow_events_archive")
    op.execute(
        "CREATE TRIGGER flow_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flow_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.drop_index("ix_flows_closed", "flows")


def _run(statements: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(statements)
    cursor.close()
