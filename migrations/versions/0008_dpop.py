"""DPoP: the keys that clients, codes, authorizations and access tokens are bound to, and proofs that were used.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BOUND = ("oauth_families", "oauth_codes", "oauth_access_tokens")


def upgrade() -> None:
    op.add_column(
        "oauth_clients",
        sa.Column("dpop_bound_access_tokens", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    for table in BOUND:
        op.add_column(table, sa.Column("dpop_jkt", sa.Text(), nullable=True))
    op.create_table(
        "oauth_dpop_proofs",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_oauth_dpop_proofs")),
    )
    op.create_index(op.f("ix_oauth_dpop_proofs_expires_at"), "oauth_dpop_proofs", ["expires_at"], unique=False)
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, DELETE ON oauth_dpop_proofs TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("oauth_dpop_proofs")
    for table in BOUND:
        op.drop_column(table, "dpop_jkt")
    op.drop_column("oauth_clients", "dpop_bound_access_tokens")
