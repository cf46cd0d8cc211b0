"""How a notification is signed is its reader's to name: the name is bounded, and no longer one of a list.

Revision ID: 0075
Revises: 0082
"""

from alembic import op

revision = "0075"
down_revision = "0082"
branch_labels = None
depends_on = None

TABLE = "received_notifications"
KNOWN = "('circle_v2', 'sns', 'hmac', 'shared_secret')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_received_notifications_scheme_is_known"), TABLE)
    op.create_check_constraint(
        op.f("ck_received_notifications_scheme_is_a_short_name"), TABLE, "scheme ~ '^[a-z][a-z0-9_]{0,31}$'"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_received_notifications_scheme_is_a_short_name"), TABLE)
    # An older release has no name for these. They are verified or forgotten already, and only their label changes.
    op.execute(f"UPDATE {TABLE} SET scheme = 'shared_secret' WHERE scheme NOT IN {KNOWN}")
    op.create_check_constraint(
        op.f("ck_received_notifications_scheme_is_known"),
        TABLE,
        f"scheme IN {KNOWN}",
    )
