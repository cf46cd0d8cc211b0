"""Where alerts stand between two looks, when each rule was looked at, acknowledgements and silences.

Revision ID: 0050
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0050"
down_revision = "0041"
branch_labels = None
depends_on = None

TABLES = "alert_states, alert_evaluations, alert_acknowledgements, alert_silences"


def upgrade() -> None:
    op.create_table(
        "alert_states",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("alert_code", sa.Text(), nullable=False),
        sa.Column("service_scope", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'firing', 'recovering')", name=op.f("ck_alert_states_state_is_known")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_alert_states")),
    )
    op.create_index("ix_alert_states_alert_code", "alert_states", ["alert_code"], unique=False)
    op.create_table(
        "alert_evaluations",
        sa.Column("alert_code", sa.Text(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('known', 'nodata', 'error')", name=op.f("ck_alert_evaluations_outcome_is_known")
        ),
        sa.PrimaryKeyConstraint("alert_code", name=op.f("pk_alert_evaluations")),
    )
    op.create_table(
        "alert_acknowledgements",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_alert_acknowledgements")),
    )
    op.create_table(
        "alert_silences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_code", sa.Text(), nullable=False),
        sa.Column("service_scope", sa.Text(), nullable=True),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("ends_at > begins_at", name=op.f("ck_alert_silences_ends_after_it_begins")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_silences")),
    )
    op.create_index("ix_alert_silences_ends_at", "alert_silences", ["ends_at"], unique=False)
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLES} TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("alert_silences")
    op.drop_table("alert_acknowledgements")
    op.drop_table("alert_evaluations")
    op.drop_table("alert_states")
