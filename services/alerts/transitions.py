"""Raise and clear alerts, each transition once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from domain.ids import new_id
from models.alert import OpsAlert, StandingAlert

Severity = Literal["info", "warning", "critical"]
_RANK = {"info": 0, "warning": 1, "critical": 2}


def raise_alert(
    session: Session,
    code: str,
    *,
    scope: str,
    severity: Severity,
    reason: str,
    now: datetime,
    asset_id: str | None = None,
    pair: str | None = None,
    tx_hash: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> bool:
    """Record that a condition holds, or is worse than before; True when that is news.

    `code` and `scope` together identify the condition.
    """
    fingerprint = f"{code}:{scope}"
    standing = _standing(session, fingerprint)
    if standing is not None and _RANK[severity] <= _RANK[standing.severity]:
        return False
    _append(
        session,
        alert_code=code,
        fingerprint=fingerprint,
        status="raised",
        severity=severity,
        reason=reason,
        service_scope=scope,
        asset_id=asset_id,
        pair=pair,
        tx_hash=tx_hash,
        raised_at=standing.raised_at if standing is not None else now,
        cleared_at=None,
        details=dict(details or {}),
        recorded_at=now,
    )
    return True


def clear(session: Session, code: str, *, scope: str, now: datetime, reason: str) -> bool:
    """Record that a condition is over; True when it stood.

    Never call this for lack of knowledge: unknown clears nothing.
    """
    standing = _standing(session, f"{code}:{scope}")
    if standing is None:
        return False
    _append(
        session,
        alert_code=code,
        fingerprint=standing.fingerprint,
        status="cleared",
        severity=standing.severity,
        reason=reason,
        service_scope=scope,
        asset_id=standing.asset_id,
        pair=standing.pair,
        tx_hash=standing.tx_hash,
        raised_at=standing.raised_at,
        cleared_at=now,
        details=standing.details,
        recorded_at=now,
    )
    return True


def stands(session: Session, code: str, *, scope: str) -> bool:
    """Whether a condition is known to hold; no other transaction can change that before this one ends."""
    return _standing(session, f"{code}:{scope}") is not None


def standing_since(session: Session, code: str, *, scope: str) -> datetime | None:
    """Since when a condition is known to hold, or None; protected as in `stands`."""
    found = _standing(session, f"{code}:{scope}")
    return None if found is None else found.raised_at


def standing(session: Session) -> Sequence[OpsAlert]:
    """Every alert that stands now, newest first."""
    return session.scalars(
        select(OpsAlert)
        .join(StandingAlert, StandingAlert.alert_event_id == OpsAlert.alert_event_id)
        .order_by(OpsAlert.raised_at.desc(), OpsAlert.seq.desc())
    ).all()


def _standing(session: Session, fingerprint: str) -> OpsAlert | None:
    # Two processes that notice the same condition must not both append: they take turns by fingerprint.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:fingerprint, 1))"), {"fingerprint": fingerprint}
    )
    # By number and not by time: the clocks of two hosts may differ.
    newest = session.scalars(
        select(OpsAlert).where(OpsAlert.fingerprint == fingerprint).order_by(OpsAlert.seq.desc()).limit(1)
    ).one_or_none()
    return newest if newest is not None and newest.status == "raised" else None


def _append(session: Session, **row: Any) -> None:
    session.execute(insert(OpsAlert), [{"alert_event_id": new_id(), **row}])
