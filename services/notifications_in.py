"""Store what providers post: each verified notification once and for ever; forgeries are counted and not kept."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from domain.ids import new_id
from domain.provider_facts import Notification
from models import dropping
from models.webhook import NotificationKey, NotificationRefusal, ReceivedNotification
from services import alerts, leases, outbox

UNVERIFIED_MAX = 1_000
BATCH_MAX = 500
REFUSALS_BEFORE_ALERT = 10
ALERT = "webhook_signature_failures"
REFUSALS_KEPT = timedelta(days=30)
_HOUR = timedelta(hours=1)


class TooManyUnverified(StrongroomError):
    """Too many notifications wait for an unknown signing key. Deliver this one again later."""

    code: ClassVar[str] = "too_many_unverified"


_KEEP = text(
    """
    INSERT INTO received_notifications (id, provider, topic, scheme, notification_id, kind, resource_id, reference,
        headers, body, verified, received_at, lease_generation, attempts)
    VALUES (:id, :provider, :topic, :scheme, :notification_id, :kind, :resource_id, :reference,
        CAST(:headers AS jsonb), :body, :verified, :now, 0, 0)
    ON CONFLICT (provider, notification_id) WHERE verified DO NOTHING
    RETURNING id
    """
)


def receive(
    session: Session,
    provider: str,
    topic: str,
    notification: Notification,
    *,
    verified: bool,
    headers: str,
    body: bytes,
    now: datetime,
) -> bool:
    """Store a notification and promise to act on it. False when it was delivered before.

    `headers` are those that its signature needs, as JSON. Raises TooManyUnverified.
    """
    if not verified and _unverified(session, provider) >= UNVERIFIED_MAX:
        raise TooManyUnverified
    kept = session.execute(
        _KEEP,
        {
            "id": new_id(),
            "provider": provider,
            "topic": topic,
            "scheme": notification.scheme,
            "notification_id": notification.notification_id,
            "kind": notification.kind,
            "resource_id": notification.resource_id,
            "reference": notification.reference,
            "headers": headers,
            "body": body,
            "verified": verified,
            "now": now,
        },
    ).scalar()
    if kept is not None:
        outbox.promise(session, "notifications_in.process", now=now)
    return kept is not None


def refuse(session: Session, provider: str, *, count: int = 1, now: datetime) -> None:
    """Count forgeries, and what could not be told from one."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    counted = insert(NotificationRefusal).values(provider=provider, hour=hour, count=count)
    session.execute(
        counted.on_conflict_do_update(
            index_elements=["provider", "hour"], set_={"count": NotificationRefusal.count + counted.excluded.count}
        )
    )


def refused(session: Session, provider: str, *, now: datetime) -> int:
    """How many were refused in this hour and the one before it."""
    query = select(func.coalesce(func.sum(NotificationRefusal.count), 0)).where(
        NotificationRefusal.provider == provider, NotificationRefusal.hour > now - 2 * _HOUR
    )
    return int(session.scalar(query) or 0)


def forget_refusals(session: Session, *, now: datetime) -> int:
    """Drop some of the old counts; returns how many."""
    return dropping.some(session, NotificationRefusal, NotificationRefusal.hour < now - REFUSALS_KEPT)


def alert_refusals(session: Session, provider: str, *, now: datetime) -> None:
    """Raise an alert when many notifications fail verification: forgeries, or a wrong secret. Clear it when none do."""
    count, scope = refused(session, provider, now=now), f"provider:{provider}"
    if count >= REFUSALS_BEFORE_ALERT:
        alerts.raise_alert(
            session,
            ALERT,
            scope=scope,
            severity="warning",
            reason=f"{count} notifications with a wrong signature came in for {provider} within two hours",
            now=now,
            details={"count": count},
        )
    elif not count:
        alerts.clear(session, ALERT, scope=scope, now=now, reason="none came in for an hour or more")


def key(session: Session, provider: str, name: str) -> bytes | None:
    """A provider's public key that was fetched before."""
    query = select(NotificationKey.key).where(NotificationKey.provider == provider, NotificationKey.name == name)
    return session.scalar(query)


def keep_key(session: Session, provider: str, name: str, found: bytes, *, now: datetime) -> None:
    """Store a public key: a key never changes under its name."""
    session.execute(
        insert(NotificationKey).values(provider=provider, name=name, key=found, fetched_at=now).on_conflict_do_nothing()
    )


def claim(
    session: Session, provider: str, *, verified: bool, owner: str, now: datetime
) -> Sequence[ReceivedNotification]:
    """Lease the notifications to act on, or those to verify first, oldest first."""
    query = (
        select(ReceivedNotification)
        .where(
            ReceivedNotification.provider == provider,
            ReceivedNotification.processed_at.is_(None),
            ReceivedNotification.verified.is_(verified),
        )
        .order_by(ReceivedNotification.id)
        .limit(BATCH_MAX)
    )
    return leases.claim(session, query, ReceivedNotification, owner=owner, now=now)


def settle_verified(
    session: Session, genuine: Sequence[ReceivedNotification], forged: Sequence[ReceivedNotification], *, now: datetime
) -> None:
    """Mark genuine notifications as verified, unless they were delivered before; delete and count forged ones."""
    for row in genuine:
        first = session.scalars(
            select(ReceivedNotification.id).where(
                ReceivedNotification.provider == row.provider,
                ReceivedNotification.notification_id == row.notification_id,
                ReceivedNotification.verified,
            )
        ).first()
        if first is None:
            session.execute(
                update(ReceivedNotification)
                .where(ReceivedNotification.id == row.id)
                .values(verified=True, lease_until=None, lease_owner=None, due_at=None, attempts=0)
            )
            session.flush()
        else:
            _forget(session, [row])
    _forget(session, forged)
    if forged:
        refuse(session, forged[0].provider, count=len(forged), now=now)


def settle(
    session: Session, rows: Sequence[ReceivedNotification], outcomes: Mapping[str, str], *, now: datetime
) -> None:
    """Record the outcome of each, by notification id; "" when there was nothing to do."""
    for outcome in set(outcomes.values()):
        ids = [row.id for row in rows if outcomes.get(row.notification_id) == outcome]
        session.execute(
            update(ReceivedNotification)
            .where(ReceivedNotification.id.in_(ids))
            .values(processed_at=now, outcome=outcome, lease_until=None, lease_owner=None)
        )


def postpone(session: Session, rows: Collection[ReceivedNotification], *, now: datetime) -> None:
    """Have these processed again later: the provider could not be asked."""
    for row in rows:
        session.execute(
            update(ReceivedNotification)
            .where(ReceivedNotification.id == row.id, ReceivedNotification.lease_generation == row.lease_generation)
            .values(lease_until=None, lease_owner=None, due_at=now + leases.back_off(row.attempts))
        )


def _unverified(session: Session, provider: str) -> int:
    waiting = (
        select(ReceivedNotification.id)
        .where(
            ReceivedNotification.provider == provider,
            ReceivedNotification.processed_at.is_(None),
            ReceivedNotification.verified.is_(False),
        )
        .limit(UNVERIFIED_MAX)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def _forget(session: Session, rows: Sequence[ReceivedNotification]) -> None:
    if rows:
        session.execute(
            delete(ReceivedNotification).where(
                ReceivedNotification.id.in_([row.id for row in rows]), ReceivedNotification.verified.is_(False)
            )
        )
