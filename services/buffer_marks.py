"""The marks of each asset's buffer, and what follows when it runs low."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.buffer_marks import is_low, wanted_minor
from domain.errors import ensure
from domain.money import format_amount
from models.buffer import BufferMarks, BufferSnapshot
from services import alerts, assets, audit, replenishments

ALERT = "buffer_low"
FRESH_FOR = timedelta(minutes=10)
"""A comparison older than this says nothing about now."""


def of(session: Session, asset_id: str) -> BufferMarks:
    """The marks of an asset; without a row, nothing is low and no difference is tolerated."""
    row = session.get(BufferMarks, asset_id)
    return row or BufferMarks(asset_id=asset_id, low_minor=0, high_minor=0, discrepancy_minor=0, mismatches_min=3)


def every(session: Session) -> Sequence[str]:
    """The assets that have marks."""
    return session.scalars(select(BufferMarks.asset_id).order_by(BufferMarks.asset_id)).all()


def put(
    session: Session,
    asset_id: str,
    *,
    low_minor: int,
    high_minor: int,
    discrepancy_minor: int,
    mismatches_min: int,
    now: datetime,
    by: Actor,
) -> BufferMarks:
    """Change the marks of an asset. Raises UnknownAsset."""
    ensure(0 <= low_minor <= high_minor and discrepancy_minor >= 0 and mismatches_min > 0, "marks are in order")
    assets.get(session, asset_id)
    row = session.get(BufferMarks, asset_id, with_for_update=True) or BufferMarks(asset_id=asset_id)
    row.low_minor, row.high_minor = low_minor, high_minor
    row.discrepancy_minor, row.mismatches_min = discrepancy_minor, mismatches_min
    session.add(row)
    session.flush()
    detail = {"low_minor": str(low_minor), "high_minor": str(high_minor), "discrepancy_minor": str(discrepancy_minor)}
    audit.record(session, "buffer.marks_set", by=by, now=now, detail={"asset_id": asset_id, **detail})
    return row


def judge(session: Session, asset_id: str, *, now: datetime, by: Actor) -> bool:
    """Decide by the newest comparison whether the buffer is low; raise or clear the alert, and ask for funds.

    Without a recent comparison nothing is concluded: the alert stays as it is.
    """
    marks, asset, scope = of(session, asset_id), assets.get(session, asset_id), f"asset:{asset_id}"
    was_low = alerts.stands(session, ALERT, scope=scope)
    snapshot = _newest(session, asset_id)
    if snapshot is None or snapshot.spendable_minor is None or now - snapshot.at > FRESH_FOR:
        return was_low
    spendable_minor = snapshot.spendable_minor
    if not is_low(spendable_minor, low_minor=marks.low_minor, high_minor=marks.high_minor, was_low=was_low):
        alerts.clear(session, ALERT, scope=scope, now=now, reason="the high mark is reached")
        return False
    has = f"{format_amount(spendable_minor, asset.decimals)} {asset.symbol} can be paid out"
    mark = f"the low mark is {format_amount(marks.low_minor, asset.decimals)} {asset.symbol}"
    alerts.raise_alert(
        session,
        ALERT,
        scope=scope,
        severity="warning",
        reason=f"{has}; {mark}",
        now=now,
        asset_id=asset_id,
        details={"spendable_minor": str(spendable_minor), "low_minor": str(marks.low_minor)},
    )
    missing_minor = wanted_minor(spendable_minor, high_minor=marks.high_minor)
    if missing_minor and replenishments.open_of(session, asset_id) is None:
        replenishments.propose(session, asset_id, missing_minor, reason=f"{has}; {mark}", now=now, by=by)
    return True


def _newest(session: Session, asset_id: str) -> BufferSnapshot | None:
    return session.scalars(
        select(BufferSnapshot)
        .where(BufferSnapshot.asset_id == asset_id)
        .order_by(BufferSnapshot.at.desc(), BufferSnapshot.id.desc())
        .limit(1)
    ).one_or_none()
