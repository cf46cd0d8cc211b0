"""Which refresh tokens tell their family themselves: once spent, those need not be kept to be recognised.

Revision ID: 0108
Revises: 0104
"""

import sqlalchemy as sa
from alembic import op

revision = "0108"
down_revision = "0104"
branch_labels = None
depends_on = None

TABLE = "oauth_refresh_tokens"
PREDECESSOR = "fk_oauth_refresh_tokens_predecessor_id_oauth_refresh_tokens"


def upgrade() -> None:
    # False for what processes of before give out while others are upgraded.
    op.add_column(TABLE, sa.Column("tells_family", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _refer_to_predecessor(on_delete="SET NULL")


def downgrade() -> None:
    _refer_to_predecessor(on_delete=None)
    op.drop_column(TABLE, "tells_family")


def _refer_to_predecessor(*, on_delete: str | None) -> None:
    op.drop_constraint(PREDECESSOR, TABLE)
    op.create_foreign_key(op.f(PREDECESSOR), TABLE, TABLE, ["predecessor_id"], ["id"], ondelete=on_delete)
