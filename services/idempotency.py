"""Give every repetition of a request the answer that the first one got."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError, ensure
from domain.ledger import IdempotencyConflict
from models.deferred import Deferred
from models.idempotency import IdempotentRequest
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


_TAKE = Prepared(
    "idempotency_key_taken",
    "uuid, text, bytea, timestamptz",
    """
    INSERT INTO idempotent_requests (user_id, key, request_hash, status, body, created_at)
    VALUES ($1, $2, $3, 0, '{}', $4) ON CONFLICT DO NOTHING RETURNING 1
    """,
)
_KEEP = Deferred(
    "idempotent_answer_kept",
    "uuid, text, integer, jsonb",
    "UPDATE idempotent_requests SET status = $3, body = $4 WHERE user_id = $1 AND key = $2",
)


def once(
    session: Session,
    *,
    user_id: UUID,
    key: str | None,
    request: Mapping[str, Any],
    now: datetime,
    perform: Callable[[], Answer],
) -> Answer:
    """Perform a request under its key, or answer as before. Commits nothing: the caller's transaction keeps it.

    `perform` decides inside a savepoint of its own if it wants a refusal to be remembered, and returns that refusal
    as an Answer. A repetition waits for the first to commit. Raises IdempotencyKeyMissing, IdempotencyConflict.
    """
    if key is None or not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyMissing
    request_hash = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).digest()
    if not _TAKE.rows(session, user_id, key, request_hash, now):
        return _replay(session, user_id, key, request_hash)
    answer = perform()
    _KEEP.later(session, user_id, key, answer.status, json.dumps(answer.body))
    return answer


def _replay(session: Session, user_id: UUID, key: str, request_hash: bytes) -> Answer:
    kept = session.scalars(
        select(IdempotentRequest).where(IdempotentRequest.user_id == user_id, IdempotentRequest.key == key)
    ).one()
    if kept.request_hash != request_hash:
        raise IdempotencyConflict
    ensure(kept.status != 0, "an idempotent request was committed without its answer")
    return Answer(kept.status, kept.body, replayed=True)
