"""Refresh tokens whose answer was said to be lost stay known, so that who shows one is recognised.

Revision ID: 0094
Revises: 0092
"""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("oauth_refresh_tokens", sa.Column("lost_hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        "uq_oauth_refresh_tokens_lost_hash",
        "oauth_refresh_tokens",
        ["lost_hash"],
        unique=True,
        postgresql_where=sa.text("lost_hash IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_oauth_refresh_tokens_lost_hash", "oauth_refresh_tokens")
    op.drop_column("oauth_refresh_tokens", "lost_hash")
