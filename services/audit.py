"""Write the audit log, and search it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.actor import Actor
from models.audit import AuditLog
from models.deferred import Deferred

_RECORD = Deferred(
    "audit_recorded",
    "timestamptz, text, uuid, text, boolean, text, text, text, jsonb",
    """
    INSERT INTO audit_logs (at, event, user_id, actor, success, address, user_agent, request_id, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """,
)


def record(
    session: Session,
    event: str,
    *,
    by: Actor,
    now: datetime,
    success: bool = True,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add one line, in the transaction of the decision that it records. `detail` must hold no secrets."""
    _RECORD.later(
        session,
        now,
        event,
        by.user_id,
        by.name,
        success,
        by.address,
        by.user_agent,
        by.request_id,
        json.dumps(dict(detail or {})),
    )


# A loose index scan from one kind to the next: a DISTINCT would read every line of the log.
_EVENTS = text(
    """
    WITH RECURSIVE kinds (event) AS (
        (SELECT event FROM audit_logs ORDER BY event LIMIT 1)
        UNION ALL
        SELECT (SELECT event FROM audit_logs WHERE event > kinds.event ORDER BY event LIMIT 1)
        FROM kinds WHERE kinds.event IS NOT NULL
    )
    SELECT event FROM kinds WHERE event IS NOT NULL ORDER BY event
    """
)


def search(
    session: Session,
    *,
    limit: int,
    before: int | None = None,
    event: str | None = None,
    user_id: UUID | None = None,
    success: bool | None = None,
    address: str | None = None,
) -> Sequence[AuditLog]:
    """Lines of the log that fit, newest first, older than line `before`."""
    query = select(AuditLog).order_by(AuditLog.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditLog.id < before)
    for column, wanted in (
        (AuditLog.event, event),
        (AuditLog.user_id, user_id),
        (AuditLog.success, success),
        (AuditLog.address, address),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return session.scalars(query).all()


def events(session: Session) -> Sequence[str]:
    """Every kind of event that the log holds."""
    return session.scalars(_EVENTS).all()
