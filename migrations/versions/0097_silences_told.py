"""When people were told of what still stood at the end of a silence, which had kept it from them.

Revision ID: 0097
Revises: 0098
"""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert_silences", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    # What was over before there was anybody to tell of it is no news.
    op.execute("UPDATE alert_silences SET told_at = ends_at WHERE ends_at <= now()")
    op.create_index(
        "ix_alert_silences_untold", "alert_silences", ["ends_at"], postgresql_where=sa.text("told_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_alert_silences_untold", "alert_silences")
    op.drop_column("alert_silences", "told_at")
