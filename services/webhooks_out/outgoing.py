"""Claim the messages that are due, and record the outcome of each attempt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from domain import webhooks
from domain.ids import new_id
from models.alert import OpsAlert
from models.flow import Flow, FlowEvent
from models.webhook_out import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from services import leases
from services.webhooks_out import endpoints
from services.webhooks_out.endpoints import Box
from services.webhooks_out.telling import scope_of, standing_grants

LEASE: Final = timedelta(seconds=90)
AT_ONCE_MAX: Final = 3
"""How many messages one endpoint is sent at the same time; one, while it fails."""
_TURN: Final = 0x5742_4F55_5401
_DUE: Final = text(
    """
    SELECT due.id, endpoint.failures > 0 AS is_failing
      FROM webhook_endpoints AS endpoint
     CROSS JOIN LATERAL (
           SELECT greatest(0, CASE WHEN endpoint.failures > 0 THEN 1 ELSE :at_once END - count(*)) AS room
             FROM webhook_deliveries WHERE endpoint_id = endpoint.id AND lease_until > :now) AS held
     CROSS JOIN LATERAL (
           SELECT id, due_at FROM webhook_deliveries
            WHERE endpoint_id = endpoint.id AND state = 'waiting' AND due_at <= :now
              AND (lease_until IS NULL OR lease_until <= :now)
            ORDER BY due_at LIMIT held.room) AS due
     WHERE endpoint.disabled_at IS NULL
     ORDER BY due.due_at
    """
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message ready to be sent: its address, its signed headers and its body."""

    delivery_id: UUID
    generation: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    is_failing: bool


def claim(
    session: Session, *, slots: int, failing_slots: int, owner: str, box: Box, now: datetime
) -> Sequence[Outgoing]:
    """Lease messages that are due, oldest first: `slots` at most, and `failing_slots` at most to endpoints that fail.

    No endpoint waits for another: each is sent a few at a time, and those that do not answer never take all slots. The
    caller commits, sends and then records; if it dies in between, the same message is sent again, under its id.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    chosen: list[UUID] = []
    failing = 0
    for delivery_id, is_failing in session.execute(_DUE, {"at_once": AT_ONCE_MAX, "now": now}):
        if len(chosen) == slots:
            break
        if is_failing and failing == failing_slots:
            continue
        failing += is_failing
        chosen.append(delivery_id)
    if not chosen:
        return []
    query = select(WebhookDelivery).where(WebhookDelivery.id.in_(chosen)).order_by(WebhookDelivery.due_at)
    rows = leases.claim(session, query, WebhookDelivery, owner=owner, now=now, lease=LEASE)
    found = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id.in_({row.endpoint_id for row in rows})))
    known = {endpoint.id: endpoint for endpoint in found}
    present = _present(session, rows)
    return [
        _outgoing(row, known[row.endpoint_id], present[row.id], box=box, now=now)
        for row in rows
        if _may_go(session, row, known[row.endpoint_id])
    ]


def record(
    session: Session,
    outgoing: Outgoing,
    *,
    status: int | None,
    error: str | None,
    excerpt: str,
    duration_ms: int,
    is_taken: bool,
    jitter: float,
    now: datetime,
) -> WebhookDelivery:
    """Record an attempt: delivered, to be retried, or given up. Disables an endpoint that is gone or failed for days.

    Raises LeaseLost when the message was taken over, sent again on request, or removed meanwhile.
    """
    endpoint_id = session.scalar(select(WebhookDelivery.endpoint_id).where(WebhookDelivery.id == outgoing.delivery_id))
    if endpoint_id is None:
        raise leases.LeaseLost
    # The endpoint first, as everybody who locks both does.
    endpoint = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()).one()
    query = select(WebhookDelivery).where(WebhookDelivery.id == outgoing.delivery_id)
    row = leases.locked(session, query, outgoing.generation)
    session.add(
        WebhookAttempt(
            delivery_id=row.id, id=new_id(), at=now, status=status, error=error, excerpt=excerpt,
            duration_ms=duration_ms,
        )
    )  # fmt: skip
    if is_taken:
        row.state, row.delivered_at, row.error = "delivered", now, None
        leases.release(row, due_at=None)
        endpoint.failures, endpoint.failing_since = 0, None
    else:
        _failed(session, row, endpoint, gone=status == 410, code=error or f"status_{status}", jitter=jitter, now=now)  # noqa: PLR2004
    session.flush()
    return row


def _failed(
    session: Session,
    row: WebhookDelivery,
    endpoint: WebhookEndpoint,
    *,
    gone: bool,
    code: str,
    jitter: float,
    now: datetime,
) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    row.error = code
    again = webhooks.next_attempt(row.first_due_at, attempts=row.attempts, now=now, jitter=jitter)
    if gone or again is None:
        row.state = "failed"
        leases.release(row, due_at=None)
    else:
        leases.release(row, due_at=again)
    session.flush()
    enough = endpoint.failures >= webhooks.ATTEMPTS_MAX and now - endpoint.failing_since >= webhooks.FAILING_MAX
    if endpoint.disabled_at is None and (gone or enough):
        endpoints.stop(session, endpoint, because="gone" if gone else "failing", now=now)


def _may_go(session: Session, row: WebhookDelivery, endpoint: WebhookEndpoint) -> bool:
    """Whether a message may still be sent: not after too many crashed attempts, nor to an app that its user revoked."""
    if row.attempts > webhooks.ATTEMPTS_MAX:
        refused = "attempts_exhausted"
    elif endpoint.client_id is not None and row.for_user_id is not None and not _sees(session, row, endpoint.client_id):
        refused = "no_longer_allowed"
    else:
        return True
    row.state, row.error = "failed", refused
    leases.release(row, due_at=None)
    session.flush()
    return False


def _sees(session: Session, row: WebhookDelivery, client_id: UUID) -> bool:
    user_id = row.for_user_id
    if user_id is None:
        return True
    granted = standing_grants(session, {client_id}, {user_id}).get((client_id, user_id), frozenset())
    return scope_of(row.event["object"]["kind"]) in granted


def _outgoing(
    row: WebhookDelivery, endpoint: WebhookEndpoint, present: Mapping[str, Any] | None, *, box: Box, now: datetime
) -> Outgoing:
    told = {**row.event, "present": present}
    if row.for_user_id is not None:
        told["user_id"] = str(row.for_user_id)
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=True)
    signatures = [
        Webhook(secret).sign(row.event_id, now, body) for secret in endpoints.reveal(endpoint, box=box, now=now)
    ]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": row.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return Outgoing(row.id, row.lease_generation, endpoint.url, headers, body.encode(), endpoint.failures > 0)


def _present(session: Session, rows: Sequence[WebhookDelivery]) -> Mapping[UUID, Mapping[str, Any] | None]:
    """The present state of each message's object: it may have moved on since the event."""
    flow_ids = {UUID(row.event["object"]["id"]) for row in rows if "flow_id" in row.event["data"]}
    newest = select(FlowEvent.group_id, func.max(FlowEvent.id)).where(FlowEvent.group_id.in_(flow_ids))
    sequences = dict(session.execute(newest.group_by(FlowEvent.group_id)).all()) if flow_ids else {}
    flows = session.scalars(select(Flow).where(Flow.group_id.in_(flow_ids))).all() if flow_ids else []
    states: dict[str, Mapping[str, Any]] = {
        str(flow.group_id): {
            "state": flow.state,
            "sequence": sequences[flow.group_id],
            "state_since": _moment(flow.state_since),
            "closed_at": _moment(flow.closed_at),
        }
        for flow in flows
    }
    for fingerprint in {row.event["object"]["id"] for row in rows if row.event["object"]["kind"] == "alert"}:
        alert = session.scalars(
            select(OpsAlert).where(OpsAlert.fingerprint == fingerprint).order_by(OpsAlert.seq.desc()).limit(1)
        ).one()
        states[fingerprint] = {"state": alert.status, "sequence": alert.seq, "severity": alert.severity}
    return {row.id: states.get(row.event["object"]["id"]) for row in rows}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
