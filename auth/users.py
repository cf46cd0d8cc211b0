"""Users: found by their keys or addresses, and created at their first sign-in."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from domain.ids import new_id
from models.user import User, UserKey

PUBLIC_KEY_HEX_LENGTH = 66


class KeyRemoved(StrongroomError):
    """This key was removed from its account and no longer signs in."""

    code: ClassVar[str] = "key_removed"


class UserNotFound(StrongroomError):
    """There is no such user here."""

    code: ClassVar[str] = "user_not_found"


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user, and whether they were created just now."""

    user_id: UUID
    public_key: str
    is_new: bool


def of_subject(session: Session, subject: str, *, now: datetime) -> KnownUser:
    """The user with this key or address (in its normal form), created if there is none. Raises KeyRemoved."""
    return _known(session, subject) or _make(session, subject, subject, now, last_login_at=None)


def sign_in(session: Session, subject: str, *, public_key: str, now: datetime) -> KnownUser:
    """The user of a proven subject, created at their first sign-in; the time is noted as their last sign-in.

    `public_key` is the key that signed: an address and its key are one person. Raises KeyRemoved.
    """
    user = (
        _known(session, subject)
        or _known(session, public_key)
        or _make(session, public_key, subject, now, last_login_at=now)
    )
    if not user.is_new:
        session.execute(
            update(User)
            .where(User.id == user.user_id)
            .values(last_login_at=now)
            .execution_options(synchronize_session=False)
        )
    return user


def find(session: Session, subject: str) -> KnownUser:
    """The user with this key or address. Raises UserNotFound, KeyRemoved."""
    known = _known(session, subject)
    if known is None:
        raise UserNotFound
    return known


def owner_of(session: Session, subjects: Collection[str]) -> UUID | None:
    """The user who has, or had until it was removed, one of these keys or addresses."""
    return session.scalar(select(UserKey.user_id).where(UserKey.subject.in_(subjects)).limit(1))


def is_known(session: Session, user_id: UUID) -> bool:
    """Whether a user with this id exists."""
    return session.scalar(select(User.id).where(User.id == user_id)) is not None


def public_key_of(session: Session, reference: str) -> str:
    """The first key of the user with this id; any other reference is returned unchanged, to be looked up as a key."""
    try:
        user_id = UUID(reference)
    except ValueError:
        return reference
    return session.scalar(select(User.public_key).where(User.id == user_id)) or reference


def _known(session: Session, subject: str) -> KnownUser | None:
    row = session.execute(
        select(User.id, User.public_key, UserKey.removed_at)
        .join(UserKey, UserKey.user_id == User.id)
        .where(UserKey.subject == subject)
    ).first()
    if row is None:
        return None
    if row.removed_at is not None:
        raise KeyRemoved
    return KnownUser(row.id, row.public_key, is_new=False)


def _make(
    session: Session, public_key: str, subject: str, now: datetime, *, last_login_at: datetime | None
) -> KnownUser:
    """A new user; of two simultaneous first sign-ins the later waits for the earlier and finds its user."""
    user_id = new_id()
    made = session.execute(
        insert(User)
        .values(id=user_id, public_key=public_key, created_at=now, last_login_at=last_login_at)
        .on_conflict_do_nothing(index_elements=["public_key"])
        .returning(User.id)
    ).first()
    if made is None:
        found = _known(session, public_key)
        if found is None:
            raise KeyRemoved
        return found
    keys = [
        {
            "id": new_id(),
            "user_id": user_id,
            "kind": _kind(spelled),
            "subject": spelled,
            "name": "first",
            "added_at": now,
        }
        for spelled in dict.fromkeys((public_key, subject))
    ]
    session.execute(insert(UserKey).values(keys))
    return KnownUser(user_id, public_key, is_new=True)


def _kind(subject: str) -> str:
    return "public_key" if len(subject) == PUBLIC_KEY_HEX_LENGTH else "address"
