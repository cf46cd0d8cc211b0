"""Record what price sources say, and raise an alert when that is not enough."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.prices import FUTURE_MAX, InvalidPrice, PriceDisputed, PriceStale
from models.price import PricePair, PriceSource, ReferencePrice
from services import alerts, audit
from services.prices.reading import current
from services.prices.sources import ALERT, MANUAL, PairMissing, followed, scope_of

BACKOFF_S_MAX = 900
CLAIMED_MAX = 50


def claim_due(session: Session, *, now: datetime) -> Sequence[PriceSource]:
    """The sources to be asked now; no other process gets them before their interval is over."""
    due = session.scalars(
        select(PriceSource)
        .where(PriceSource.due_at <= now)
        .order_by(PriceSource.due_at)
        .limit(CLAIMED_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    for source in due:
        source.due_at = now + timedelta(seconds=source.interval_s)
    session.flush()
    return due


def record(
    session: Session, pair: str, source: str, price: Decimal, *, observed_at: datetime, now: datetime, by: Actor
) -> bool:
    """Add a source's price; False when it is known already. Raises InvalidPrice for a time in the future."""
    if observed_at - now > FUTURE_MAX:
        raise InvalidPrice(f"{source} gave a price from the future")
    asked = session.get(PriceSource, (pair, source), with_for_update=True)
    if asked is not None:
        asked.failures, asked.last_error = 0, None
    query = select(ReferencePrice.id).where(
        ReferencePrice.pair == pair, ReferencePrice.source == source, ReferencePrice.observed_at == observed_at
    )
    if session.scalar(query.limit(1)) is not None:
        return False
    row = ReferencePrice(
        pair=pair, source=source, price=price, observed_at=observed_at, received_at=now, recorded_by=by.name
    )
    session.add(row)
    session.flush()
    return True


def note_failure(session: Session, pair: str, source: str, *, reason: str, now: datetime) -> None:
    """Record that a source gave no price; it is asked less and less often while that lasts."""
    row = session.get(PriceSource, (pair, source), with_for_update=True)
    if row is None:
        return
    row.failures += 1
    row.last_error = reason[:500]
    row.due_at = now + timedelta(seconds=min(BACKOFF_S_MAX, row.interval_s * 2 ** min(row.failures - 1, 10)))


def set_manually(session: Session, pair: str, price: Decimal, *, now: datetime, by: Actor) -> None:
    """Add an operator's price as one of the sources. Raises PairMissing."""
    if followed(session, pair) is None:
        raise PairMissing
    record(session, pair, MANUAL, price, observed_at=now, now=now, by=by)
    audit.record(session, "price.set", by=by, now=now, detail={"pair": pair, "price": f"{price:f}"})
    watch(session, now=now)


def watch(session: Session, *, now: datetime) -> int:
    """Raise and clear the alert of every pair without a price. Returns how many there are."""
    missing = 0
    # Locked, so that no alert is raised about a pair that is being unfollowed at this moment.
    query = select(PricePair).where(PricePair.unfollowed_at.is_(None)).order_by(PricePair.pair)
    for row in session.scalars(query.with_for_update(read=True)):
        try:
            price = current(session, row.pair, now=now)
        except (PriceStale, PriceDisputed) as refusal:
            missing += 1
            alerts.raise_alert(
                session,
                ALERT,
                scope=scope_of(row.pair),
                severity="warning",
                reason=str(refusal),
                now=now,
                pair=row.pair,
                details={"cause": refusal.code, "max_age_s": row.max_age_s, "sources_min": row.sources_min},
            )
        else:
            count = len(price.sources)
            reason = "one source says it" if count == 1 else f"{count} sources agree"
            alerts.clear(session, ALERT, scope=scope_of(row.pair), now=now, reason=reason)
    return missing
