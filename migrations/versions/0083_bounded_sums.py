"""Sums that are kept where they were added up each time, and the price that an asset goes by.

Revision ID: 0083
Revises: 0078
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0078"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.add_column("assets", sa.Column("priced_as", sa.Text(), nullable=True))
    # The driver's own cursor: the file is sent as it stands, with nothing read as a parameter.
    cursor: Any = op.get_bind().connection.cursor()
    cursor.execute((SQL / "0083_left_behind.sql").read_text())
    cursor.close()
    count_messages()


def count_messages() -> None:
    """Have each message take a number, so that the last one says how many there are; older ones need none."""
    op.execute("CREATE SEQUENCE chat_messages_number_seq")
    op.add_column("chat_messages", sa.Column("number", sa.BigInteger(), nullable=True))
    # After the column, which locked the table: nobody says anything from here to the commit.
    op.execute(
        "SELECT setval('chat_messages_number_seq', said, true) "
        "FROM (SELECT sum(last_sequence)::bigint AS said FROM conversations) AS counted WHERE said > 0"
    )
    op.execute("ALTER TABLE chat_messages ALTER COLUMN number SET DEFAULT nextval('chat_messages_number_seq')")
    op.execute("ALTER SEQUENCE chat_messages_number_seq OWNED BY chat_messages.number")
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, USAGE ON SEQUENCE chat_messages_number_seq TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_column("chat_messages", "number")
    op.execute("DROP TRIGGER sweeps_note_left_behind ON sweeps")
    op.execute("DROP FUNCTION note_left_behind")
    op.drop_table("swept_chains")
    op.drop_table("swept_addresses")
    op.drop_column("assets", "priced_as")
