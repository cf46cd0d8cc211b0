"""An event that is written while its flow's others are put away stays where it is, and never lacks a partition.

Revision ID: 0056
Revises: 0055
"""

from pathlib import Path

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run((SQL / "0056_flow_archive.sql").read_text())


def downgrade() -> None:
    before = (SQL / "0032_flow_archive.sql").read_text()
    start, end = before.index("CREATE FUNCTION flow_events_archive_some"), before.index("REVOKE EXECUTE")
    _run(before[start:end].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def _run(statements: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(statements)
    cursor.close()
