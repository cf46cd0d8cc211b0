"""Make a message of each event for every endpoint that it concerns and that subscribed to it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain import webhooks
from domain.ids import new_id
from models.oauth import OAuthClient, OAuthGrant
from models.webhook_out import WebhookDelivery, WebhookEndpoint
from services.events import Event

CONSUMER: Final = "webhooks"
_SCOPES: Final = {"deposit": "deposits:read", "withdrawal": "withdrawals:read", "conversion": "conversions:read"}
_ELSE: Final = "wallet:read"
Seers = Mapping[tuple[UUID, UUID], frozenset[str]]
"""What an app's users let it see: (app, user) → scopes."""


def tell(session: Session, events: Sequence[Event], *, now: datetime) -> int:
    """Write the messages for these events, each once however often this is called. Returns how many."""
    endpoints = session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.disabled_at.is_(None))).all()
    if not endpoints:
        return 0
    apps = {row.client_id for row in endpoints if row.client_id is not None}
    seers = standing_grants(session, apps, {user for event in events for user in event.audience})
    rows = [
        _message(endpoint, event, for_user_id, now)
        for event in events
        for endpoint, for_user_id in _concerned(endpoints, event, seers)
    ]
    if rows:
        session.execute(insert(WebhookDelivery).values(rows).on_conflict_do_nothing())
    return len(rows)


def standing_grants(session: Session, apps: set[UUID], users: set[UUID]) -> Seers:
    """What these users let these apps see at present."""
    if not apps or not users:
        return {}
    rows = session.execute(
        select(OAuthGrant.client_id, OAuthGrant.user_id, OAuthGrant.scope)
        .join(OAuthClient, OAuthClient.id == OAuthGrant.client_id)
        .where(OAuthGrant.client_id.in_(apps), OAuthGrant.user_id.in_(users))
        .where(OAuthGrant.revoked_at.is_(None), OAuthClient.disabled_at.is_(None))
    )
    return {(client_id, user_id): frozenset(scope.split()) for client_id, user_id, scope in rows}


def scope_of(kind: str) -> str:
    """The scope that lets an app see this kind of movement."""
    return _SCOPES.get(kind, _ELSE)


def _concerned(
    endpoints: Sequence[WebhookEndpoint], event: Event, seers: Seers
) -> Iterator[tuple[WebhookEndpoint, UUID | None]]:
    for endpoint in endpoints:
        if event.occurred_at < endpoint.created_at or not webhooks.wants(endpoint.kinds, event.type):
            continue
        if endpoint.client_id is not None:
            seen = [
                user
                for user in sorted(event.audience)
                if scope_of(event.kind) in seers.get((endpoint.client_id, user), frozenset())
            ]
            if seen:
                yield endpoint, seen[0]
        elif endpoint.user_id is None or endpoint.user_id in event.audience:
            yield endpoint, None


def _message(endpoint: WebhookEndpoint, event: Event, for_user_id: UUID | None, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "endpoint_id": endpoint.id,
        "event_id": event.id,
        "event_type": event.type,
        "event": event.outside(),
        "for_user_id": for_user_id,
        "occurred_at": event.occurred_at,
        "created_at": now,
        "state": "waiting",
        "first_due_at": now,
        "due_at": now,
    }
