"""Write the audit log."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from domain.actor import Actor
from models.prepared import Prepared

_RECORD = Prepared(
    "audit_recorded",
    "timestamptz, text, uuid, text, boolean, text, text, text, jsonb",
    """
    INSERT INTO audit_logs (at, event, user_id, actor, success, address, user_agent, request_id, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
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
    """Add one line, in the transaction of the decision that it tells of. `detail` must be free of secrets."""
    _RECORD.rows(
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
