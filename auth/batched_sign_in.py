"""Sign-in of a known user in two batched statements: read the challenge, then claim it once the proof was verified.

Only the usual case is handled. In any other (a first sign-in, a used challenge, a key removed meanwhile) nothing
changes here, and auth/challenges.py, auth/lnurl.py and auth/users.py act on it or refuse it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Engine

from auth.sessions import USER_AGENT_LENGTH_MAX, OpenedSession, digest
from models.batched_statements import BatchedQuery, BatchedWrite, shown, types


class Asked(NamedTuple):
    """An issued challenge, and the user of the key or address that it was issued to."""

    challenge_id: UUID
    subject: str
    message: str
    user_id: UUID
    public_key: str


class AskedWallet(NamedTuple):
    """An LNURL challenge, and the user of the key that the wallet answers with."""

    k1: str
    action: str | None
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Line:
    """The values of the audit line for a decision: the columns of services/audit_along.py."""

    actor: str
    address: str | None
    user_agent: str | None
    request_id: str | None
    detail: str
    """As JSON."""

    @property
    def values(self) -> tuple[Any, ...]:
        """The values in the order of those columns."""
        return self.actor, self.address, self.user_agent, self.request_id, self.detail


def _asking(column: str, of_type: str) -> BatchedQuery:
    return BatchedQuery(
        f"asked_by_{column}",
        f"{of_type}[]",
        f"""
        SELECT shown.place, c.id, c.subject, c.message, u.id, u.public_key
        FROM unnest($1) WITH ORDINALITY AS shown ({column}, place)
        JOIN auth_challenges c ON c.{column} = shown.{column}
        JOIN user_keys k ON k.subject = c.subject AND k.removed_at IS NULL
        JOIN users u ON u.id = k.user_id
        """,  # noqa: S608 - a column of ours
    )


_BY_ID = _asking("id", "uuid")
_BY_MESSAGE = _asking("message", "text")
_WALLET = BatchedQuery(
    "asked_of_wallet",
    "uuid[], text[]",
    """
    SELECT shown.place, c.k1, c.action, k.user_id
    FROM unnest($1, $2) WITH ORDINALITY AS shown (id, key, place)
    JOIN lnurl_challenges c ON c.id = shown.id AND c.answered_at IS NULL
    JOIN user_keys k ON k.subject = shown.key AND k.removed_at IS NULL
    """,
)


def asked(engine: Engine, *, challenge_id: UUID | None, message: str | None) -> Asked | None:
    """The challenge with this id or this text, if it was issued to a known user."""
    rows = _BY_ID.rows(engine, challenge_id) if challenge_id is not None else _BY_MESSAGE.rows(engine, message)
    return Asked(*rows[0]) if rows else None


def asked_of_wallet(engine: Engine, challenge_id: UUID, key: str) -> AskedWallet | None:
    """The LNURL challenge with this id, if it is unanswered and the key belongs to a known user."""
    rows = _WALLET.rows(engine, challenge_id, key)
    return AskedWallet(*rows[0]) if rows else None


_CLAIM: Final = {
    "challenge_id": "uuid", "user_id": "uuid", "at": "timestamptz",
    "session_id": "uuid", "token_hash": "bytea", "expires_at": "timestamptz",
}  # fmt: skip
_ANSWER: Final = {"challenge_id": "uuid", "key": "text", "user_id": "uuid", "at": "timestamptz"}


def claiming(name: str, line: str, line_columns: Mapping[str, str]) -> BatchedWrite:
    """The statement for `claim`; `line` is the audit line's SQL for the rows of `claimed`, which have its columns.

    Of simultaneous claims the first locks the challenge's row, and the rest depends on that. Locked rows are skipped,
    so that no deadlock is possible: a challenge that is locked is left to the general path, and a user's last sign-in
    is noted by whoever has their row.
    """
    columns = {**_CLAIM, **line_columns}
    return BatchedWrite(
        name,
        types(columns),
        f"""
        WITH shown AS (SELECT * FROM {shown(columns)}),
        unused AS (
            SELECT id FROM auth_challenges WHERE id = ANY ($1) AND used_at IS NULL FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE auth_challenges c SET used_at = shown.at FROM unused, shown, user_keys k
            WHERE c.id = unused.id AND c.id = shown.challenge_id AND c.expires_at > shown.at
              AND k.subject = c.subject AND k.user_id = shown.user_id AND k.removed_at IS NULL
            RETURNING shown.*
        ), idle AS (
            SELECT id FROM users WHERE id = ANY (ARRAY(SELECT user_id FROM claimed)) FOR NO KEY UPDATE SKIP LOCKED
        ), noted AS (
            UPDATE users SET last_login_at = claimed.at FROM idle, claimed
            WHERE users.id = idle.id AND claimed.user_id = idle.id
        ), opened AS (
            INSERT INTO sessions (id, token_hash, user_id, created_at, last_seen_at, expires_at, address, user_agent)
            SELECT session_id, token_hash, user_id, at, at, expires_at,
                address, left(user_agent, {USER_AGENT_LENGTH_MAX})
            FROM claimed
        ), recorded AS ({line})
        SELECT place, ARRAY(SELECT role FROM user_roles r WHERE r.user_id = claimed.user_id) FROM claimed
        """,  # noqa: S608 - SQL of ours
    )


def claim(
    engine: Engine, statement: BatchedWrite, challenge: Asked, opened: OpenedSession, *, now: datetime, line: Line
) -> list[str] | None:
    """Mark the challenge as used, begin this session and write the audit line, together; returns the user's roles.

    None, and nothing has changed, when the challenge is used or expired or the key was removed.
    """
    session = opened.session_id, digest(opened.token), opened.expires_at
    rows = statement.rows(engine, challenge.challenge_id, challenge.user_id, now, *session, *line.values)
    return list(rows[0][0]) if rows else None


def answering(name: str, line: str, line_columns: Mapping[str, str]) -> BatchedWrite:
    """The statement for `answer`; `line` is the audit line's SQL for the rows of `answered`, which have its columns."""
    columns = {**_ANSWER, **line_columns}
    return BatchedWrite(
        name,
        types(columns),
        f"""
        WITH shown AS (SELECT * FROM {shown(columns)}),
        unanswered AS (
            SELECT id FROM lnurl_challenges WHERE id = ANY ($1) AND answered_at IS NULL FOR UPDATE SKIP LOCKED
        ), answered AS (
            UPDATE lnurl_challenges c SET key = shown.key, user_id = k.user_id, answered_at = shown.at
            FROM unanswered, shown, user_keys k
            WHERE c.id = unanswered.id AND c.id = shown.challenge_id AND c.expires_at > shown.at
              AND k.subject = shown.key AND k.user_id = shown.user_id AND k.removed_at IS NULL
            RETURNING shown.*
        ), recorded AS ({line})
        SELECT place FROM answered
        """,  # noqa: S608 - SQL of ours
    )


def answer(
    engine: Engine, statement: BatchedWrite, challenge_id: UUID, *, key: str, user_id: UUID, now: datetime, line: Line
) -> bool:
    """Store a wallet's proven key and write the audit line, together; False, and nothing has changed, if it is late."""
    return bool(statement.rows(engine, challenge_id, key, user_id, now, *line.values))
