"""Conversations of two people, their messages in order, and how far each has read."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Conversation(Base):
    """Two people, the one with the smaller id first; `last_sequence` counts their messages."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("first_user_id < second_user_id", name="people_are_in_order"),
        CheckConstraint("last_sequence >= 0", name="sequence_counts_up"),
        UniqueConstraint("first_user_id", "second_user_id"),
        Index("ix_conversations_begun_by_begun_at", "begun_by", "begun_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    second_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    begun_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    begun_at: Mapped[datetime]
    is_answered: Mapped[bool] = mapped_column(default=False, server_default="false")
    last_sequence: Mapped[int] = mapped_column(default=0, server_default="0")


class ChatMember(Base):
    """One of the two, how far they have read, and the time of the last message, which orders their list."""

    __tablename__ = "chat_members"
    __table_args__ = (
        CheckConstraint("read_sequence >= 0", name="read_counts_up"),
        Index("ix_chat_members_user_id_moved_at", "user_id", "moved_at"),
    )

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    peer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    read_sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    moved_at: Mapped[datetime]


class ChatMessage(Base):
    """One message; never changed."""

    __tablename__ = "chat_messages"
    __table_args__ = (CheckConstraint("length(body) BETWEEN 1 AND 4000", name="body_is_bounded"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str]
    sent_at: Mapped[datetime]
    # A number across all messages, so that the last one is their count; None in messages older than the numbering.
    number: Mapped[int | None] = mapped_column(server_default=text("nextval('chat_messages_number_seq')"))
