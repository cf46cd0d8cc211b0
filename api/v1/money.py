"""Requests that move money: performed once under their Idempotency-Key, and answered alike ever after."""

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
"""The usual case of a request, decided by itself; None, with nothing done, where a transaction has to decide."""
_SERVER_ERROR = 500


def once(name: str, body: dict[str, Any], decide: Decide, *, accept: Accept | None = None) -> Response:
    """Have `decide` answer this request under the key in its header; see `decided`."""
    answer = decided(name, body, idempotency_key(), decide, accept=accept)
    response = json_answer(answer.body, answer.status)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def decided(
    name: str, body: dict[str, Any], key: str | None, decide: Decide, *, accept: Accept | None = None
) -> Answer:
    """Have `decide` answer, unless the caller used this key before: then the answer is the one of that time.

    `accept` is asked first, if there is one, and keeps its answer under the key itself.

    A refusal is remembered like any other answer. One that says "not now" (5xx) is not: nothing was decided, so the
    same key may be tried again. Whether the key is new is found out at the end, by the unique key itself: a repetition,
    which is rare, does its work in vain, and a first request does not ask. Raises IdempotencyKeyMissing,
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
    """What holds after a transaction came to nothing: the answer of an earlier one, or else this refusal."""
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
