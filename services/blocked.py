"""Who has blocked whom: between two people one of whom has blocked the other, no message passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.blocked import BlockedPerson
from models.user import User

BLOCKED_MAX: Final = 500
"""So many people one may block: the list is read as a whole."""


class Blocked(StrongroomError):
    """One of you has blocked the other: no messages or calls are possible."""

    code: ClassVar[str] = "blocked"


class TooManyBlocked(StrongroomError):
    """You have reached the maximum of blocked people: unblock somebody first."""

    code: ClassVar[str] = "too_many_blocked"


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody who is blocked, and since when."""

    public_key: str
    name: str | None
    blocked_at: datetime


def block(session: Session, user_id: UUID, other_id: UUID, *, now: datetime) -> None:
    """Hear nothing more from somebody; saying so again changes nothing. Raises TooManyBlocked."""
    count = session.scalar(select(func.count()).where(BlockedPerson.user_id == user_id)) or 0
    if count >= BLOCKED_MAX and not has_blocked(session, user_id, other_id):
        raise TooManyBlocked
    row = {"user_id": user_id, "blocked_id": other_id, "blocked_at": now}
    session.execute(insert(BlockedPerson).values(row).on_conflict_do_nothing())


def unblock(session: Session, user_id: UUID, other_id: UUID) -> None:
    """Hear from somebody again, if one did not."""
    of_theirs = (BlockedPerson.user_id == user_id) & (BlockedPerson.blocked_id == other_id)
    session.execute(delete(BlockedPerson).where(of_theirs))


def listed(session: Session, user_id: UUID) -> Sequence[Listed]:
    """Everybody whom somebody has blocked, the newest first."""
    query = (
        select(User.public_key, User.display_name, BlockedPerson.blocked_at)
        .join(BlockedPerson, BlockedPerson.blocked_id == User.id)
        .where(BlockedPerson.user_id == user_id)
        .order_by(BlockedPerson.blocked_at.desc(), User.id)
    )
    return [Listed(*row) for row in session.execute(query)]


def has_blocked(session: Session, user_id: UUID, other_id: UUID) -> bool:
    """Whether somebody hears nothing from somebody else."""
    return session.execute(_between((user_id, other_id))).first() is not None


def refuse_between(session: Session, one_id: UUID, other_id: UUID) -> None:
    """Raise Blocked if one of the two has blocked the other, whichever it is."""
    if session.execute(_between((one_id, other_id), (other_id, one_id))).first() is not None:
        raise Blocked


def _between(*pairs: tuple[UUID, UUID]) -> Select[UUID]:
    return select(BlockedPerson.user_id).where(
        or_(*(and_(BlockedPerson.user_id == one, BlockedPerson.blocked_id == other) for one, other in pairs))
    )
