"""Whether looking for alerts is paused, and until when.

Revision ID: 0077
Revises: 0083
"""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_pauses",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_alert_pauses_there_is_only_one")),
        sa.CheckConstraint(
            "ends_at > paused_at AND ends_at <= paused_at + INTERVAL '24 hours'",
            name=op.f("ck_alert_pauses_ends_within_a_day"),
        ),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_alert_pauses")),
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON alert_pauses TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("alert_pauses")
