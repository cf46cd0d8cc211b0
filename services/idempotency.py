"""Give every repetition of a request the answer that the first one got."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from domain.ledger import IdempotencyConflict
from models.deferred import Deferred, refuse
from models.prepared import Prepared

KEY_LENGTH_MAX = 255


class IdempotencyKeyMissing(StrongroomError):
    """This request moves money: send an Idempotency-Key header of 1 to 255 visible ASCII characters."""

    code: ClassVar[str] = "idempotency_key_missing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with: an HTTP status and a JSON body."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


class AlreadyAnswered(StrongroomError):
    """Another transaction answered first under the same key: nothing happened here, and its answer holds."""

    code: ClassVar[str] = "already_answered"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under its key. Two requests are the same if their hashes are."""

    user_id: UUID
    key: str
    request_hash: bytes


_KEEP = Deferred(
    "idempotent_answer_kept",
    "uuid, text, bytea, integer, jsonb, timestamptz",
    """
    INSERT INTO idempotent_requests (user_id, key, request_hash, status, body, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    """,
)
_FIND = Prepared(
    "idempotent_answer",
    "uuid, text",
    "SELECT request_hash, status, body FROM idempotent_requests WHERE user_id = $1 AND key = $2",
)


def asked(user_id: UUID, key: str | None, request: Mapping[str, Any], *, app: str | None = None) -> Asked:
    """This request under its key. Raises IdempotencyKeyMissing.

    An `app` has its own keys: they never clash with those of its user or of another app.
    """
    if key is None or not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyMissing
    if app is not None:
        key = f"{app}:{key}"
    return Asked(user_id, key, hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).digest())


def keep(session: Session, request: Asked, answer: Answer, *, now: datetime) -> None:
    """Store the answer to this request, for ever, once the transaction commits. Call it last.

    If another transaction answered first, or is about to, this one waits for it and then raises AlreadyAnswered as it
    ends: whatever else it did has not happened.
    """
    refuse(session, "pk_idempotent_requests", lambda _: AlreadyAnswered())
    body = json.dumps(answer.body)
    _KEEP.later(session, request.user_id, request.key, request.request_hash, answer.status, body, now)


def earlier(session: Session, request: Asked) -> Answer | None:
    """The answer that this request got before. Raises IdempotencyConflict if its key was another request's."""
    for request_hash, status, body in _FIND.rows(session, request.user_id, request.key):
        if bytes(request_hash) != request.request_hash:
            raise IdempotencyConflict
        return Answer(status, body, replayed=True)
    return None
