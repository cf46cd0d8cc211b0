"""LNURL-auth challenges and their answers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

ACTIONS = ("register", "login", "link", "auth")


class LnurlChallenge(Base):
    """A k1 for one wallet to sign, once, before it expires, for the browser that asked.

    Of the browser's secret only the SHA-256 is stored. `key` is set by the first valid answer and never replaced;
    `claimed_at` is when the browser began a session with it.
    """

    __tablename__ = "lnurl_challenges"
    __table_args__ = (
        CheckConstraint("action IN ('register', 'login', 'link', 'auth')", name="action_is_known"),
        CheckConstraint("(key IS NULL) = (answered_at IS NULL)", name="key_comes_with_the_answer"),
        CheckConstraint("claimed_at IS NULL OR answered_at IS NOT NULL", name="claimed_after_the_answer"),
        CheckConstraint("action NOT IN ('link', 'auth') OR asked_by IS NOT NULL", name="linking_is_for_somebody"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    k1: Mapped[str] = mapped_column(unique=True)
    action: Mapped[str | None]
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    # The signed-in user who requested it, for actions on an existing account.
    asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    key: Mapped[str | None]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
