"""Sessions and authorizations whose meaning a transaction changes: noted in it, so that nothing outlives it."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.session import UserSession

_NOTED = "changed_sessions"
_ENDED = "ended_authorizations"


def note(session: Session, token_hashes: Iterable[bytes]) -> None:
    """Have the cache forget these sessions when the transaction has committed."""
    session.info.setdefault(_NOTED, set()).update(token_hashes)


def note_user(session: Session, user_id: UUID) -> None:
    """The same for all sessions of a user, because what they may do changes."""
    open_ones = select(UserSession.token_hash).where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
    note(session, session.scalars(open_ones))


def take_noted(session: Session) -> frozenset[bytes]:
    """The sessions changed by the transaction that just ended; forgets them."""
    return frozenset(session.info.pop(_NOTED, ()))


def note_ended(session: Session, name: UUID | str) -> None:
    """Have the sockets that stand on this grant, family, token or app looked at when the transaction has committed.

    By its id: a grant's, a family's, an access token's `jti`, or the client's.
    """
    session.info.setdefault(_ENDED, set()).add(str(name))


def take_ended(session: Session) -> frozenset[str]:
    """The names noted by the transaction that just ended; forgets them."""
    return frozenset(session.info.pop(_ENDED, ()))
