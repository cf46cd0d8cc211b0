"""Old prices and comparisons are thinned from where the last look ended.

Each look read all of them again, and compared each with all the others of its pair or asset.

Revision ID: 0110
Revises: 0113
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0110"
down_revision = "0113"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run("0110_thin")


def downgrade() -> None:
    _run("0110_thin_undone")


def _run(name: str) -> None:
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / f"{name}.sql").read_text())
    cursor.close()
