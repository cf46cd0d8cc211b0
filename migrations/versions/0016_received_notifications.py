"""What providers post to us: notifications, the keys they are signed with, and how many were refused.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("received_notifications", "notification_keys", "notification_refusals")


def upgrade() -> None:
    op.create_table(
        "received_notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("notification_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "scheme IN ('circle_v2', 'sns', 'hmac', 'shared_secret')",
            name=op.f("ck_received_notifications_scheme_is_known"),
        ),
        sa.CheckConstraint(
            "verified OR processed_at IS NULL", name=op.f("ck_received_notifications_acted_on_when_verified")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_notifications")),
    )
    op.create_index(
        "uq_received_notifications_verified",
        "received_notifications",
        ["provider", "notification_id"],
        unique=True,
        postgresql_where=sa.text("verified"),
    )
    op.create_index(
        "ix_received_notifications_open",
        "received_notifications",
        ["provider", "id"],
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_table(
        "notification_keys",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "name", name=op.f("pk_notification_keys")),
    )
    op.create_table(
        "notification_refusals",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "hour", name=op.f("pk_notification_refusals")),
    )
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(TABLES)} TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
