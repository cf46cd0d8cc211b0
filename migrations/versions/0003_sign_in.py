"""Sign-in: wallets that answer with LNURL-auth, and when each session was last used.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lnurl_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("k1", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('register', 'login', 'link', 'auth')", name=op.f("ck_lnurl_challenges_action_is_known")
        ),
        sa.CheckConstraint(
            "(key IS NULL) = (answered_at IS NULL)", name=op.f("ck_lnurl_challenges_key_comes_with_the_answer")
        ),
        sa.CheckConstraint(
            "claimed_at IS NULL OR answered_at IS NOT NULL", name=op.f("ck_lnurl_challenges_claimed_after_the_answer")
        ),
        sa.CheckConstraint(
            "action NOT IN ('link', 'auth') OR asked_by IS NOT NULL",
            name=op.f("ck_lnurl_challenges_linking_is_for_somebody"),
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_lnurl_challenges_asked_by_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_lnurl_challenges_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lnurl_challenges")),
        sa.UniqueConstraint("k1", name=op.f("uq_lnurl_challenges_k1")),
    )
    op.create_index(op.f("ix_lnurl_challenges_expires_at"), "lnurl_challenges", ["expires_at"], unique=False)
    # Sessions that are open now count as used now: nobody is signed out by the change.
    op.add_column(
        "sessions",
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.alter_column("sessions", "last_seen_at", server_default=None)
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON lnurl_challenges TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_column("sessions", "last_seen_at")
    op.drop_table("lnurl_challenges")
