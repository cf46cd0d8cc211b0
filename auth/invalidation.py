"""Sessions and authorizations that a transaction changes, noted so that caches and sockets follow its commit."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.session import UserSession

_NOTED = "changed_sessions"
_ENDED = "ended_authorizations"


def note(session: Session, token_hashes: Iterable[bytes]) -> None:
    """Drop these sessions from the cache once the transaction has committed."""
    session.info.setdefault(_NOTED, set()).update(token_hashes)


def note_user(session: Session, user_id: UUID) -> None:
    """Drop all sessions of a user from the cache once the transaction has committed, because their rights change."""
    open_ones = select(UserSession.token_hash).where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
    note(session, session.scalars(open_ones))


def take_noted(session: Session) -> frozenset[bytes]:
    """Take the sessions noted by the transaction that just ended."""
    return frozenset(session.info.pop(_NOTED, ()))


def note_ended(session: Session, name: UUID | str) -> None:
    """Have the sockets that depend on an authorization checked once the transaction has committed.

    `name` is the id of a grant or family, an access token's `jti`, or a client id.
    """
    session.info.setdefault(_ENDED, set()).add(str(name))


def take_ended(session: Session) -> frozenset[str]:
    """Take the names noted by the transaction that just ended."""
    return frozenset(session.info.pop(_ENDED, ()))
