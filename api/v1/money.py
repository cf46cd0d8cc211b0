"""Idempotent money requests: executed once per Idempotency-Key, with the same answer to every repetition."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.errors import refusal_body
from api.guards import caller
from api.request_context import container
from api.schemas import idempotency_key, json_answer
from api.statuses import status_of
from domain.errors import StrongroomError, ensure
from services import idempotency
from services.idempotency import Answer

Decide = Callable[[Session, datetime], Answer]
Accept = Callable[[idempotency.Asked, datetime], Answer | None]
"""Decides the usual case in a transaction of its own; None, with nothing changed, in any other."""
_SERVER_ERROR = 500


def once(name: str, body: dict[str, Any], decide: Decide, *, accept: Accept | None = None) -> Response:
    """Execute `decide` under the key in this request's header; see `decided`."""
    answer = decided(name, body, idempotency_key(), decide, accept=accept)
    response = json_answer(answer.body, answer.status)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def decided(
    name: str, body: dict[str, Any], key: str | None, decide: Decide, *, accept: Accept | None = None
) -> Answer:
    """Execute `decide`, unless the caller used this key before: then return the stored answer.

    `accept` is tried first, if given, and stores its answer under the key itself.

    A refusal is stored like any other answer, except a temporary one (5xx): nothing was decided, so the same
    key may be tried again. Whether the key is new is decided at the end, by its unique constraint: a repetition,
    which is rare, does its work in vain, and a first request needs no look-up. Raises IdempotencyKeyMissing,
    IdempotencyConflict.
    """
    parts = container()
    now = parts.now()
    app = caller().delegation
    asked = idempotency.asked(
        caller().user_id, key, {"name": name, "body": body}, app=None if app is None else app.client_id
    )
    try:
        if accept is not None and (accepted := accept(asked, now)) is not None:
            return accepted
        with parts.transaction() as session:
            answer = decide(session, now)
            idempotency.keep(session, asked, answer, now=now)
    except StrongroomError as refusal:
        return _refused(asked, refusal, now)
    return answer


def _refused(asked: idempotency.Asked, refusal: StrongroomError, now: datetime) -> Answer:
    """The answer after a roll-back: the stored one of an earlier request, else this refusal."""
    parts = container()
    with parts.reading() as session:
        known = idempotency.earlier(session, asked)
    if known is not None:
        return known
    ensure(not isinstance(refusal, idempotency.AlreadyAnswered), "the answer under an Idempotency-Key is gone")
    status = status_of(type(refusal))
    if status >= _SERVER_ERROR:
        raise refusal
    answer = Answer(status, refusal_body(refusal))
    try:
        with parts.transaction() as session:
            idempotency.keep(session, asked, answer, now=now)
    except idempotency.AlreadyAnswered as faster:
        return _refused(asked, faster, now)
    return answer
