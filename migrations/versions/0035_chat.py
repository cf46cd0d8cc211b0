"""Conversations of two, what was said in them, and how far each has read.

Revision ID: 0035
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("first_user_id", sa.Uuid(), nullable=False),
        sa.Column("second_user_id", sa.Uuid(), nullable=False),
        sa.Column("begun_by", sa.Uuid(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_answered", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("first_user_id < second_user_id", name=op.f("ck_conversations_people_are_in_order")),
        sa.CheckConstraint("last_sequence >= 0", name=op.f("ck_conversations_sequence_counts_up")),
        sa.ForeignKeyConstraint(["first_user_id"], ["users.id"], name=op.f("fk_conversations_first_user_id_users")),
        sa.ForeignKeyConstraint(["second_user_id"], ["users.id"], name=op.f("fk_conversations_second_user_id_users")),
        sa.ForeignKeyConstraint(["begun_by"], ["users.id"], name=op.f("fk_conversations_begun_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "first_user_id", "second_user_id", name=op.f("uq_conversations_first_user_id_second_user_id")
        ),
    )
    op.create_index("ix_conversations_begun_by_begun_at", "conversations", ["begun_by", "begun_at"], unique=False)
    op.create_table(
        "chat_members",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("read_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("read_sequence >= 0", name=op.f("ck_chat_members_read_counts_up")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_chat_members_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_chat_members_user_id_users")),
        sa.ForeignKeyConstraint(["peer_id"], ["users.id"], name=op.f("fk_chat_members_peer_id_users")),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name=op.f("pk_chat_members")),
    )
    op.create_index("ix_chat_members_user_id_moved_at", "chat_members", ["user_id", "moved_at"], unique=False)
    op.create_table(
        "chat_messages",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 4000", name=op.f("ck_chat_messages_body_is_bounded")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_chat_messages_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_chat_messages_sender_id_users")),
        sa.PrimaryKeyConstraint("conversation_id", "sequence", name=op.f("pk_chat_messages")),
    )
    # What was said is never changed.
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE ON conversations, chat_members TO strongroom_app;
                GRANT SELECT, INSERT ON chat_messages TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("chat_messages")
    op.drop_table("chat_members")
    op.drop_table("conversations")
