"""Tokens that would not say what arrived, and the blocks to read again for them.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unread_tokens",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("block_height", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["chain"], ["chain_cursors.chain"], name=op.f("fk_unread_tokens_chain_chain_cursors")),
        sa.PrimaryKeyConstraint("chain", "block_hash", "contract", name=op.f("pk_unread_tokens")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON unread_tokens TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("unread_tokens")
