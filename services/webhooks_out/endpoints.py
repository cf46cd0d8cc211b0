"""Webhook endpoints: their subscriptions, their secrets, and whether they are enabled."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session

from domain import webhooks
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import new_id
from models.webhook_out import WebhookDelivery, WebhookEndpoint
from services import alerts, audit

ENDPOINTS_MAX: Final = 20
ROTATION: Final = timedelta(hours=24)
"""How long the previous secret goes on signing beside the new one."""
ALERT: Final = "webhook_disabled"
_SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


class WebhookEndpointNotFound(StrongroomError):
    """There is no such webhook endpoint, or it is not yours."""

    code: ClassVar[str] = "webhook_endpoint_not_found"


class TooManyWebhookEndpoints(StrongroomError):
    """The maximum of webhook endpoints is reached: remove one first."""

    code: ClassVar[str] = "too_many_webhook_endpoints"


class Box(Protocol):
    """Encrypts what is stored and must be readable again (`Provider.box`)."""

    def encrypt(self, data: bytes) -> bytes:
        """The sealed form."""
        ...

    def decrypt(self, token: bytes) -> bytes:
        """What was sealed."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of endpoints: a person, with those of the apps that they make, or (None) the house."""

    user_id: UUID | None


def create(
    session: Session,
    owner: Owner,
    *,
    url: str,
    kinds: Sequence[str],
    description: str,
    client_id: UUID | None,
    allow_private: bool,
    box: Box,
    now: datetime,
    by: Actor,
) -> tuple[WebhookEndpoint, str]:
    """Send an address the events from now on; the secret that signs them is returned here and by `reveal`.

    `client_id` is the row of an app of the owner's, which the caller has checked. Raises InvalidWebhookUrl,
    InvalidWebhookKind, TooManyWebhookEndpoints.
    """
    checked = webhooks.checked_url(url, allow_private=allow_private)
    wanted = webhooks.checked_kinds(kinds)
    # One at a time for each owner, so that the limit holds.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 2))"), {"owner": f"webhooks:{owner.user_id}"}
    )
    count = session.scalar(select(func.count()).select_from(WebhookEndpoint).where(_belongs(owner)))
    if (count or 0) >= ENDPOINTS_MAX:
        raise TooManyWebhookEndpoints
    secret = _new_secret()
    row = WebhookEndpoint(
        id=new_id(), user_id=owner.user_id, client_id=client_id, url=checked, description=description, kinds=wanted,
        sealed_secret=box.encrypt(secret.encode()), created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _note(session, "webhook.created", row, now=now, by=by)
    return row, secret


def of_owner(session: Session, owner: Owner) -> Sequence[WebhookEndpoint]:
    """Their endpoints, oldest first."""
    return session.scalars(select(WebhookEndpoint).where(_belongs(owner)).order_by(WebhookEndpoint.id)).all()


def every(session: Session) -> Sequence[WebhookEndpoint]:
    """Everybody's endpoints, oldest first."""
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()


def one(session: Session, owner: Owner, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """One of their endpoints. Raises WebhookEndpointNotFound."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, _belongs(owner))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise WebhookEndpointNotFound
    return row


def update(
    session: Session,
    owner: Owner,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
    description: str | None = None,
    allow_private: bool,
    now: datetime,
    by: Actor,
) -> WebhookEndpoint:
    """Change where it leads or what it is told; None leaves a thing as it is. What waits goes to the new address.

    Raises WebhookEndpointNotFound, InvalidWebhookUrl, InvalidWebhookKind.
    """
    row = one(session, owner, endpoint_id, lock=True)
    if url is not None:
        row.url = webhooks.checked_url(url, allow_private=allow_private)
    if kinds is not None:
        row.kinds = webhooks.checked_kinds(kinds)
    if description is not None:
        row.description = description
    _note(session, "webhook.changed", row, now=now, by=by)
    return row


def rotate(
    session: Session, owner: Owner, endpoint_id: UUID, *, box: Box, now: datetime, by: Actor
) -> tuple[WebhookEndpoint, str]:
    """Make a new secret. For a day messages are signed with the previous one as well, so that none is rejected.

    Raises WebhookEndpointNotFound.
    """
    row = one(session, owner, endpoint_id, lock=True)
    secret = _new_secret()
    row.sealed_previous_secret, row.previous_secret_until = row.sealed_secret, now + ROTATION
    row.sealed_secret = box.encrypt(secret.encode())
    _note(session, "webhook.secret_rotated", row, now=now, by=by)
    return row, secret


def reveal(row: WebhookEndpoint, *, box: Box, now: datetime) -> list[str]:
    """The secrets that sign its messages now, the newest first."""
    found = [box.decrypt(row.sealed_secret).decode()]
    until = row.previous_secret_until
    if row.sealed_previous_secret is not None and until is not None and now < until:
        found.append(box.decrypt(row.sealed_previous_secret).decode())
    return found


def disable(session: Session, owner: Owner, endpoint_id: UUID, *, now: datetime, by: Actor) -> WebhookEndpoint:
    """Send it nothing until it is enabled again. Raises WebhookEndpointNotFound."""
    row = one(session, owner, endpoint_id, lock=True)
    if row.disabled_at is None:
        stop(session, row, because="owner", now=now)
        _note(session, "webhook.disabled", row, now=now, by=by)
    return row


def enable(session: Session, owner: Owner, endpoint_id: UUID, *, now: datetime, by: Actor) -> WebhookEndpoint:
    """Send it what happens from now on; what it missed is sent by `redeliver_since`.

    Raises WebhookEndpointNotFound.
    """
    row = one(session, owner, endpoint_id, lock=True)
    if row.disabled_at is not None:
        row.disabled_at = row.disabled_because = row.failing_since = None
        row.failures = 0
        alerts.clear(session, ALERT, scope=f"webhook:{row.id}", now=now, reason="The endpoint was enabled again.")
        _note(session, "webhook.enabled", row, now=now, by=by)
    return row


def remove(session: Session, owner: Owner, endpoint_id: UUID, *, now: datetime, by: Actor) -> None:
    """Delete an endpoint with all messages to it. Raises WebhookEndpointNotFound."""
    row = one(session, owner, endpoint_id, lock=True)
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == row.id))
    alerts.clear(session, ALERT, scope=f"webhook:{row.id}", now=now, reason="The endpoint was removed.")
    _note(session, "webhook.removed", row, now=now, by=by)
    session.delete(row)


def stop(session: Session, row: WebhookEndpoint, *, because: str, now: datetime) -> None:
    """Disable an endpoint and give up its waiting messages; unless its owner did so, raise an alert."""
    row.disabled_at, row.disabled_because = now, because
    session.execute(
        sql_update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == row.id, WebhookDelivery.state == "waiting")
        .values(
            state="failed", error="endpoint_disabled", due_at=None, lease_owner=None, lease_until=None,
            lease_generation=WebhookDelivery.lease_generation + 1,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    if because == "owner":
        return
    why = "it said that it is gone (410)" if because == "gone" else "it took nothing for days"
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"webhook:{row.id}",
        # A user's endpoint is theirs to mend; by the house's own, the operators hear of things.
        severity="warning" if row.user_id is None else "info",
        reason=f"A webhook endpoint was disabled: {why}.",
        now=now,
        details={"endpoint_id": str(row.id), "because": because, "of": "house" if row.user_id is None else "user"},
    )


def _belongs(owner: Owner) -> ColumnElement[bool]:
    if owner.user_id is None:
        return WebhookEndpoint.user_id.is_(None)
    return WebhookEndpoint.user_id == owner.user_id


def _new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _note(session: Session, event: str, row: WebhookEndpoint, *, now: datetime, by: Actor) -> None:
    audit.record(session, event, by=by, now=now, detail={"endpoint_id": str(row.id), "url": row.url})
