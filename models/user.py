"""Users, their keys and their roles."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

ROLES = ("viewer", "approver", "admin")
# The roles that may decide about withdrawals.
MAY_APPROVE = ("approver", "admin")


class User(Base):
    """A person, identified by the first key that they signed in with, which never changes."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # A compressed secp256k1 key in hex, or the address that signed where its key is unknown.
    public_key: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]


class UserKey(Base):
    """A key or address with which its user signs in; a removed one stays on record."""

    __tablename__ = "user_keys"
    __table_args__ = (CheckConstraint("kind IN ('public_key', 'address')", name="kind_is_known"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class UserRole(Base):
    """A role of a user: viewer sees, approver decides on withdrawals, admin controls."""

    __tablename__ = "user_roles"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'approver', 'admin')", name="role_is_known"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    granted_at: Mapped[datetime]
    granted_by: Mapped[str]
