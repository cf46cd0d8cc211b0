"""Flows are found by asset, kind and state, newest first, in one descent of an index.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_flows_search", "flows", ["asset_id", "kind", "state", "group_id"])


def downgrade() -> None:
    op.drop_index("ix_flows_search", "flows")
