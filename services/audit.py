"""Write the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from models.audit import AuditLog


def record(
    session: Session,
    event: str,
    *,
    by: Actor,
    now: datetime,
    success: bool = True,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add one line, in the transaction of the decision that it tells of. `detail` must be free of secrets."""
    session.execute(
        insert(AuditLog),
        [
            {
                "at": now,
                "event": event,
                "user_id": by.user_id,
                "actor": by.name,
                "success": success,
                "address": by.address,
                "user_agent": by.user_agent,
                "request_id": by.request_id,
                "detail": dict(detail or {}),
            }
        ],
    )
