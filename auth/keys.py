"""A user's keys: link, name and remove them; the last one cannot be removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from auth.users import PUBLIC_KEY_HEX_LENGTH
from domain.errors import StrongroomError
from domain.ids import new_id
from models.user import User, UserKey

NAME_LENGTH_MAX: Final = 60


class KeyOfAnother(StrongroomError):
    """This key signs in to another account, or did; it cannot be linked to a second one."""

    code: ClassVar[str] = "key_of_another"


class KeyNotFound(StrongroomError):
    """You have no such key."""

    code: ClassVar[str] = "key_not_found"


class LastKeyStays(StrongroomError):
    """This is the last key that signs in to this account; link another before removing it."""

    code: ClassVar[str] = "last_key_stays"


class BadKeyName(StrongroomError):
    """A key's name is 1 to 60 printable characters."""

    code: ClassVar[str] = "bad_key_name"


def of_user(session: Session, user_id: UUID) -> Sequence[UserKey]:
    """Every key of a user that signs in, oldest first."""
    return session.scalars(
        select(UserKey)
        .where(UserKey.user_id == user_id, UserKey.removed_at.is_(None))
        .order_by(UserKey.added_at, UserKey.id)
    ).all()


def link(session: Session, user_id: UUID, subject: str, *, name: str, now: datetime) -> None:
    """Let a further proven key or address sign in as this user; one that they had removed signs in again.

    The change starts the withdrawal cool-down. Raises KeyOfAnother, BadKeyName.
    """
    made = session.execute(
        insert(UserKey)
        .values(
            id=new_id(),
            user_id=user_id,
            kind="public_key" if len(subject) == PUBLIC_KEY_HEX_LENGTH else "address",
            subject=subject,
            name=_named(name),
            added_at=now,
        )
        .on_conflict_do_update(
            index_elements=["subject"],
            set_={"name": _named(name), "added_at": now, "removed_at": None},
            where=(UserKey.user_id == user_id) & UserKey.removed_at.is_not(None),
        )
        .returning(UserKey.id)
    ).first()
    if made is None:
        raise KeyOfAnother


def rename(session: Session, user_id: UUID, key_id: UUID, *, name: str) -> None:
    """Rename a key. Raises KeyNotFound, BadKeyName."""
    _of(session, user_id, key_id).name = _named(name)


def remove(session: Session, user_id: UUID, key_id: UUID, *, now: datetime) -> str:
    """Let a key sign in no longer; returns it. It stays on record, and the withdrawal cool-down starts.

    The first key can be removed as well, and still names the account. Raises KeyNotFound, LastKeyStays.
    """
    # Simultaneous removals lock the user's row, so that together they cannot remove every key.
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    key = _of(session, user_id, key_id)
    left = session.scalar(
        select(func.count()).select_from(UserKey).where(UserKey.user_id == user_id, UserKey.removed_at.is_(None))
    )
    if left == 1:
        raise LastKeyStays
    session.execute(
        update(UserKey).where(UserKey.id == key_id).values(removed_at=now).execution_options(synchronize_session=False)
    )
    return key.subject


def _of(session: Session, user_id: UUID, key_id: UUID) -> UserKey:
    key = session.scalars(
        select(UserKey).where(UserKey.id == key_id, UserKey.user_id == user_id, UserKey.removed_at.is_(None))
    ).one_or_none()
    if key is None:
        raise KeyNotFound
    return key


def _named(name: str) -> str:
    spelled = name.strip()
    if not spelled or len(spelled) > NAME_LENGTH_MAX or not spelled.isprintable():
        raise BadKeyName(fields={"name": ["must be 1 to 60 printable characters"]})
    return spelled
