"""Roles: what an operator may do, granted and revoked on the command line only."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from auth import invalidation
from domain.errors import StrongroomError
from models.user import ROLES, User, UserRole

# Each role with the roles that it implies: an approver is also a viewer, an admin both.
_IMPLIED = {
    "viewer": frozenset({"viewer"}),
    "approver": frozenset({"viewer", "approver"}),
    "admin": frozenset({"viewer", "approver", "admin"}),
}


class UnknownRole(StrongroomError):
    """There is no such role: the roles are viewer, approver and admin."""

    code: ClassVar[str] = "unknown_role"


class Holder(NamedTuple):
    """A role that a user holds."""

    user_id: UUID
    public_key: str
    role: str
    granted_at: datetime
    granted_by: str


def implied(roles: Iterable[str]) -> frozenset[str]:
    """The roles given and all that they imply."""
    return frozenset().union(*(_IMPLIED[role] for role in roles))


def grant(session: Session, user_id: UUID, role: str, *, by: str, now: datetime) -> bool:
    """Grant a role; True when the user did not have it. Raises UnknownRole."""
    if role not in ROLES:
        raise UnknownRole
    given = session.execute(
        insert(UserRole)
        .values(user_id=user_id, role=role, granted_at=now, granted_by=by)
        .on_conflict_do_nothing()
        .returning(UserRole.user_id)
    )
    invalidation.note_user(session, user_id)
    return given.first() is not None


def revoke(session: Session, user_id: UUID, role: str) -> bool:
    """Revoke a role; True when the user had it. It takes effect with their next request."""
    if role not in ROLES:
        raise UnknownRole
    taken = session.execute(
        delete(UserRole).where(UserRole.user_id == user_id, UserRole.role == role).returning(UserRole.user_id)
    )
    invalidation.note_user(session, user_id)
    return taken.first() is not None


def holders(session: Session) -> Sequence[Holder]:
    """Every role of every user."""
    rows = session.execute(
        select(User.id, User.public_key, UserRole.role, UserRole.granted_at, UserRole.granted_by)
        .join(UserRole, UserRole.user_id == User.id)
        .order_by(UserRole.granted_at)
    )
    return [Holder(*row) for row in rows]
