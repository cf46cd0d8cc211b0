"""The day's count is spread over rows of which most requests find a free one, and limits are judged in PostgreSQL.

Revision ID: 0009
Revises: 0008
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "0009_withdrawal_limits.sql"


def upgrade() -> None:
    op.add_column("withdrawal_days", sa.Column("shard", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("withdrawal_days", sa.Column("house_limit_minor", sa.Numeric(78, 0), nullable=True))
    op.drop_constraint(op.f("pk_withdrawal_days"), "withdrawal_days", type_="primary")
    op.create_primary_key(op.f("pk_withdrawal_days"), "withdrawal_days", ["asset_id", "day", "shard"])
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(SQL.read_text())
    cursor.close()


def downgrade() -> None:
    op.execute("DROP FUNCTION withdrawal_day_count, withdrawal_within_user_limit")
    op.execute(
        "UPDATE withdrawal_days AS kept SET limit_minor = house_limit_minor, requested_minor = "
        "(SELECT sum(requested_minor) FROM withdrawal_days AS one WHERE one.asset_id = kept.asset_id AND one.day = kept.day) "
        "WHERE shard = 0"
    )
    op.execute("DELETE FROM withdrawal_days WHERE shard > 0")
    op.drop_constraint(op.f("pk_withdrawal_days"), "withdrawal_days", type_="primary")
    op.create_primary_key(op.f("pk_withdrawal_days"), "withdrawal_days", ["asset_id", "day"])
    op.drop_column("withdrawal_days", "house_limit_minor")
    op.drop_column("withdrawal_days", "shard")
