"""Requests that move money: performed once under their Idempotency-Key, and answered alike ever after."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.errors import refusal_body, status_of
from api.guards import caller
from api.request_context import container
from api.schemas import idempotency_key, json_answer
from domain.errors import StrongroomError
from services import idempotency
from services.idempotency import Answer

Decide = Callable[[Session, datetime], Answer]
_SERVER_ERROR = 500


def once(name: str, body: dict[str, Any], decide: Decide) -> Response:
    """Have `decide` answer this request under the key in its header; see `decided`."""
    answer = decided(name, body, idempotency_key(), decide)
    response = json_answer(answer.body, answer.status)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def decided(name: str, body: dict[str, Any], key: str | None, decide: Decide) -> Answer:
    """Have `decide` answer, unless the caller used this key before: then the answer is the one of that time.

    A refusal is decided in a savepoint and remembered like any other answer. One that says "not now" (5xx) is not:
    nothing was decided, so the same key may be tried again. Raises IdempotencyKeyMissing, IdempotencyConflict.
    """
    parts = container()
    now = parts.now()
    app = caller().delegation
    if app is not None and key is not None:
        # An app has keys of its own: it can neither meet nor learn those of its user or of another app.
        key = f"{app.client_id}:{key}"
    request = {"name": name, "body": body}
    once = partial(idempotency.once, user_id=caller().user_id, key=key, request=request, now=now)
    answer: Answer | None = None
    try:
        with parts.transaction() as session:
            answer = once(session, perform=lambda: _perform(session, decide, now))
    except StrongroomError as refusal:
        if answer is None:
            raise
        # PostgreSQL refused at the commit, and the key went with all the rest: taken once more, for this answer.
        refused = _remembered(refusal)
        with parts.transaction() as session:
            return once(session, perform=lambda: refused)
    return answer


def _perform(session: Session, decide: Decide, now: datetime) -> Answer:
    try:
        with session.begin_nested():
            return decide(session, now)
    except StrongroomError as refusal:
        return _remembered(refusal)


def _remembered(refusal: StrongroomError) -> Answer:
    status = status_of(type(refusal))
    if status >= _SERVER_ERROR:
        raise refusal
    return Answer(status, refusal_body(refusal))
