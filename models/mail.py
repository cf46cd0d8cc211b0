"""E-mail to operators: their addresses, and every letter."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased


class MailAddress(Base):
    """One operator's address; until it is confirmed only the request to confirm is sent there."""

    __tablename__ = "mail_addresses"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    address: Mapped[str]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_sent_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    # How far in the event log the digest letters have come, and when the last one began.
    collected_to: Mapped[str]
    collected_at: Mapped[datetime]


class MailLetter(Base, Leased):
    """One letter. Its id is its Message-ID, so that a letter sent twice is shown once."""

    __tablename__ = "mail_letters"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state_is_known"),
        CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        Index("ix_mail_letters_due", "due_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    address: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    html: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    state: Mapped[str]
    error: Mapped[str | None]
