"""Sessions: the holder has a random token, the database its SHA-256 and what it stands for."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.orm import Session

from auth import invalidation, lnurl
from auth.oauth.delegation import Delegation
from auth.roles import implied
from domain.ids import new_id
from models import dropping
from models.batching import EngineBatcher
from models.prepared import Prepared, Rows
from models.session import UserSession

LIFETIME = timedelta(hours=24)
NOTED_EVERY = timedelta(minutes=5)
"""How stale a session's last-use time may be: writing it at every request would cost more than the request."""
TOKEN_BYTES = 32
USER_AGENT_LENGTH_MAX = 255
_Asked = tuple[bytes, datetime, datetime]
NO_ROLES: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request speaks for: a user, their roles (implied ones included) and the session.

    With a `delegation` an app acts for the user: it has no role, and `session_id` is the authorization that its tokens
    descend from.
    """

    user_id: UUID
    public_key: str
    roles: frozenset[str]
    session_id: UUID
    expires_at: datetime
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just begun, with its token, which cannot be read again."""

    token: str
    session_id: UUID
    expires_at: datetime


def new(*, now: datetime, lifetime: timedelta = LIFETIME) -> OpenedSession:
    """A session's token and times, before its row is inserted."""
    return OpenedSession(secrets.token_urlsafe(TOKEN_BYTES), new_id(), now + lifetime)


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
    opened = new(now=now, lifetime=lifetime)
    session.execute(
        insert(UserSession),
        [
            {
                "id": opened.session_id,
                "token_hash": digest(opened.token),
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
_STANDS = "s.revoked_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3"
_FIND_SQL = f"""
    SELECT s.user_id, u.public_key, s.id, s.expires_at, s.last_seen_at,
           ARRAY(SELECT role FROM user_roles WHERE user_roles.user_id = s.user_id) AS roles
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = $1 AND {_STANDS}
    """  # noqa: S608 - a constant
_FIND_TYPES = "bytea, timestamptz, timestamptz"
_FIND_MANY_SQL = f"""
    SELECT s.user_id, u.public_key, s.id, s.expires_at, s.last_seen_at,
           ARRAY(SELECT role FROM user_roles WHERE user_roles.user_id = s.user_id) AS roles, asked.place
    FROM unnest($1) WITH ORDINALITY AS asked (token_hash, place)
    JOIN sessions s ON s.token_hash = asked.token_hash JOIN users u ON u.id = s.user_id
    WHERE {_STANDS}
    """  # noqa: S608 - a constant
_FIND_MANY_TYPES = "bytea[], timestamptz, timestamptz"
_COLUMNS = 6
_FIND = Prepared("session_by_token", _FIND_TYPES, _FIND_SQL)
_TOUCH = Prepared(
    "session_touched",
    "uuid, timestamptz",
    "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2 RETURNING id",
)


def find(session: Session, token: str, *, now: datetime, idle: timedelta = LIFETIME) -> Principal | None:
    """Whom a token stands for; None when it is unknown, expired, revoked, or unused for longer than `idle`."""
    found = _FIND.rows(session, digest(token), now, now - idle)
    if not found:
        return None
    if _is_to_be_noted(found[0], now):
        _TOUCH.rows(session, found[0][2], now)
    return _principal(found[0])


class Along:
    """The look-up of a session together with a query about its user, in one statement.

    Requests of a process that come at the same moment are looked up together: a round trip costs more than the
    statement. Nothing is read from a cache.
    """

    def __init__(self, name: str, question: str) -> None:
        """`question` is a SELECT in which `caller.user_id` is the user."""
        caller = f"WITH caller AS ({_FIND_MANY_SQL})"
        statement = f"{caller} SELECT * FROM caller LEFT JOIN LATERAL ({question}) answer ON true"  # noqa: S608 - ours
        self._statement = Prepared(name, _FIND_MANY_TYPES, statement)
        self._batcher = EngineBatcher(self._rows)

    def find(self, engine: Engine, token: str, *, now: datetime, idle: timedelta) -> tuple[Principal, Rows] | None:
        """As `find`, with the rows of the question."""
        found = self._batcher(engine, (digest(token), now, now - idle))
        if not found:
            return None
        if _is_to_be_noted(found[0], now):
            _TOUCH.alone(engine, found[0][2], now)
        # The outer join gives one row of NULLs where the query has none.
        return _principal(found[0]), [row[_COLUMNS + 1 :] for row in found if row[_COLUMNS + 1] is not None]

    def _rows(self, engine: Engine, asked: Sequence[_Asked]) -> Sequence[Rows]:
        """The rows of each caller, at the latest of their times, so that no session outlives its expiry."""
        hashes = "{" + ",".join(['"\\\\x' + token_hash.hex() + '"' for token_hash, _, _ in asked]) + "}"
        now, since = (max(moments) for moments in list(zip(*asked, strict=True))[1:])
        found: list[list[tuple[Any, ...]]] = [[] for _ in asked]
        for row in self._statement.alone(engine, hashes, now, since):
            found[row[_COLUMNS] - 1].append(row)
        return found


_STANDING = text(
    """
    SELECT s.token_hash, s.user_id, u.public_key, s.id, s.expires_at, s.last_seen_at,
           ARRAY(SELECT role FROM user_roles WHERE user_roles.user_id = s.user_id) AS roles
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = ANY (:hashes) AND s.revoked_at IS NULL AND s.expires_at > :now AND s.last_seen_at > :since
    """
)
_TOUCH_MANY = text("UPDATE sessions SET last_seen_at = :now WHERE id = ANY (:ids) AND last_seen_at < :now")


def standing(
    session: Session, token_hashes: Sequence[bytes], *, now: datetime, idle: timedelta
) -> dict[bytes, Principal]:
    """Those of these sessions that are valid, each with its principal; their last use is noted."""
    rows = session.execute(_STANDING, {"hashes": list(token_hashes), "now": now, "since": now - idle}).all()
    old = [row[3] for row in rows if _is_to_be_noted(row[1:], now)]
    if old:
        session.execute(_TOUCH_MANY, {"now": now, "ids": old})
    return {bytes(row[0]): _principal(row[1:]) for row in rows}


def _is_to_be_noted(row: Sequence[Any], now: datetime) -> bool:
    noted_at: datetime = row[4]
    return now - noted_at > NOTED_EVERY


def _principal(row: Sequence[Any]) -> Principal:
    user_id, public_key, session_id, expires_at, _, roles = row[:_COLUMNS]
    return Principal(user_id, public_key, implied(roles) if roles else NO_ROLES, session_id, expires_at)


_REVOKE = text(
    "UPDATE sessions SET revoked_at = :now WHERE token_hash = :token_hash AND revoked_at IS NULL RETURNING user_id"
)


def revoke(session: Session, token: str, *, now: datetime) -> None:
    """End the session of a token; does nothing if there is none."""
    user_id = session.execute(_REVOKE, {"token_hash": digest(token), "now": now}).scalar()
    if user_id is not None:
        lnurl.withdraw(session, user_id, answered=False, now=now)
    invalidation.note(session, [digest(token)])


def open_of(session: Session, user_id: UUID, *, now: datetime) -> Sequence[UserSession]:
    """The valid sessions of a user, the one used last first."""
    return session.scalars(
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
    ).all()


def end(session: Session, user_id: UUID, *, now: datetime, only: UUID | None = None, spared: UUID | None = None) -> int:
    """End a user's sessions, or `only` one of them, or all but the one `spared`; returns how many ended."""
    ended = (
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)
        .values(revoked_at=now)
        .returning(UserSession.token_hash)
        .execution_options(synchronize_session=False)
    )
    if only is not None:
        ended = ended.where(UserSession.id == only)
    if spared is not None:
        ended = ended.where(UserSession.id != spared)
    hashes = session.scalars(ended).all()
    lnurl.withdraw(session, user_id, answered=only is None, now=now)
    invalidation.note(session, hashes)
    return len(hashes)


def forget_ended(session: Session, *, now: datetime, kept: timedelta = timedelta(days=30)) -> int:
    """Delete a batch of sessions that expired longer ago than `kept`; returns how many. The audit log stays."""
    return dropping.some(session, UserSession, UserSession.expires_at < now - kept)


def digest(token: str) -> bytes:
    """The SHA-256 of a token, which is all that is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
