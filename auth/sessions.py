"""Sessions: a random token in the holder's hands, its SHA-256 in ours, and what it stands for."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from auth.oauth.delegation import Delegation
from auth.roles import implied
from domain.ids import new_id
from models.prepared import Prepared
from models.session import UserSession

LIFETIME = timedelta(hours=24)
TOKEN_BYTES = 32
USER_AGENT_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request speaks for: a user, the roles they hold (implied ones included) and the session that says so.

    With a `delegation` it is an app that speaks for the user: it has no role, and `session_id` is the authorization
    that its tokens descend from.
    """

    user_id: UUID
    public_key: str
    roles: frozenset[str]
    session_id: UUID
    expires_at: datetime
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just begun; this is the only time that its token is seen."""

    token: str
    session_id: UUID
    expires_at: datetime


def begin(
    session: Session,
    user_id: UUID,
    *,
    now: datetime,
    lifetime: timedelta = LIFETIME,
    address: str | None = None,
    user_agent: str | None = None,
) -> OpenedSession:
    """Begin a session for a user who has proved a key."""
    opened = OpenedSession(secrets.token_urlsafe(TOKEN_BYTES), new_id(), now + lifetime)
    session.execute(
        insert(UserSession),
        [
            {
                "id": opened.session_id,
                "token_hash": _digest(opened.token),
                "user_id": user_id,
                "created_at": now,
                "last_seen_at": now,
                "expires_at": opened.expires_at,
                "address": address,
                "user_agent": user_agent[:USER_AGENT_LENGTH_MAX] if user_agent else None,
            }
        ],
    )
    return opened


# Everything that a request needs to know of its caller, in the one statement that every request pays for.
_FIND = Prepared(
    "session_by_token",
    "bytea, timestamptz",
    """
    SELECT s.user_id, u.public_key, s.id, s.expires_at,
           ARRAY(SELECT role FROM user_roles WHERE user_roles.user_id = s.user_id) AS roles
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2
    """,
)


def find(session: Session, token: str, *, now: datetime) -> Principal | None:
    """Whom a token stands for; None when it is unknown, expired or revoked."""
    found = _FIND.rows(session, _digest(token), now)
    if not found:
        return None
    user_id, public_key, session_id, expires_at, roles = found[0]
    return Principal(user_id, public_key, implied(roles), session_id, expires_at)


_REVOKE = text("UPDATE sessions SET revoked_at = :now WHERE token_hash = :token_hash AND revoked_at IS NULL")


def revoke(session: Session, token: str, *, now: datetime) -> None:
    """End the session of a token; one that has ended already, or never began, is no error."""
    session.execute(_REVOKE, {"token_hash": _digest(token), "now": now})


def forget_ended(session: Session, *, now: datetime, kept: timedelta = timedelta(days=30)) -> None:
    """Delete sessions that expired longer ago than `kept`; the audit log remembers that they were."""
    session.execute(
        delete(UserSession).where(UserSession.expires_at < now - kept).execution_options(synchronize_session=False)
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
