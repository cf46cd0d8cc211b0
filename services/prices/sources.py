"""Decide which pairs are priced, under which rule, and who is asked."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.prices import InvalidPrice, PriceRule, parse_pair
from models.price import PricePair, PriceSource
from services import alerts, audit

ALERT = "reference_price_stale"
MANUAL = "operator"
"""Under this name operators give their own word; nobody is asked under it."""


class PairMissing(StrongroomError):
    """This house follows no price of that pair."""

    code: ClassVar[str] = "pair_missing"


class SourceMissing(StrongroomError):
    """There is no such source of prices."""

    code: ClassVar[str] = "source_missing"


def set_rule(session: Session, pair: str, rule: PriceRule, *, now: datetime, by: Actor) -> PricePair:
    """Follow a pair, or change what makes its price one to go by. Raises InvalidPrice."""
    row = session.get(PricePair, parse_pair(pair), with_for_update=True) or PricePair(pair=pair)
    row.max_age_s, row.unfollowed_at = int(rule.max_age.total_seconds()), None
    row.sources_min, row.outlier_bps = rule.sources_min, rule.outlier_bps
    session.add(row)
    session.flush()
    detail = {"pair": pair, "max_age_s": row.max_age_s, "sources_min": row.sources_min, "outlier_bps": row.outlier_bps}
    audit.record(session, "price.rule_set", by=by, now=now, detail=detail)
    return row


def followed(session: Session, pair: str) -> PricePair | None:
    """The rule of a pair, if it is followed."""
    row = session.get(PricePair, pair)
    return None if row is None or row.unfollowed_at is not None else row


def unfollow(session: Session, pair: str, *, now: datetime, by: Actor) -> None:
    """Want no price of a pair any more: nobody is asked for it, and its alert is over.

    What was said of it stays on record; a new rule follows it again. Raises PairMissing.
    """
    row = session.get(PricePair, pair, with_for_update=True)
    if row is None or row.unfollowed_at is not None:
        raise PairMissing(f"no price of {pair!r} is followed here")
    row.unfollowed_at = now
    session.execute(delete(PriceSource).where(PriceSource.pair == pair))
    alerts.clear(session, ALERT, scope=scope_of(pair), now=now, reason="its price is not followed any more")
    audit.record(session, "price.unfollowed", by=by, now=now, detail={"pair": pair})


def scope_of(pair: str) -> str:
    """What the alert about a pair is about."""
    return f"price:{pair}"


def add_source(
    session: Session,
    pair: str,
    name: str,
    *,
    interval_s: int,
    now: datetime,
    by: Actor,
    url: str = "",
    price_path: str = "",
    time_path: str = "",
    key_header: str = "",
    fixed: Decimal | None = None,
) -> PriceSource:
    """Ask somebody for this price from now on, or take a fixed one; a source of that name is replaced.

    `key_header` names the header in which it wants the key that the settings have under its name; no key is kept here.
    Raises PairMissing, and InvalidPrice for the name under which operators give their own word.
    """
    if name == MANUAL:
        raise InvalidPrice(f"{MANUAL!r} is nobody to be asked: operators give their own word under it")
    ensure(bool(url) != (fixed is not None), "a source is an address or a fixed price")
    if followed(session, pair) is None:
        raise PairMissing(f"there is no pair {pair!r}; set its rule first")
    row = session.get(PriceSource, (pair, name), with_for_update=True) or PriceSource(pair=pair, name=name)
    row.kind = "http" if url else "fixed"
    row.url, row.price_path, row.time_path = url or None, price_path or None, time_path or None
    row.key_header = key_header or None
    row.fixed_price, row.interval_s, row.due_at, row.failures, row.last_error = fixed, interval_s, now, 0, None
    session.add(row)
    session.flush()
    # The address may hold somebody's key: the log has its place and nothing of its query.
    detail = {"pair": pair, "name": name, "kind": row.kind, "url": url.partition("?")[0]}
    audit.record(session, "price.source_added", by=by, now=now, detail=detail)
    return row


def remove_source(session: Session, pair: str, name: str, *, now: datetime, by: Actor) -> None:
    """Ask it no more, and go by nothing that it said, which stays on record. Raises SourceMissing."""
    row = session.get(PriceSource, (pair, name), with_for_update=True)
    if row is None:
        raise SourceMissing
    session.delete(row)
    audit.record(session, "price.source_removed", by=by, now=now, detail={"pair": pair, "name": name})


def of_pair(session: Session, pair: str) -> Sequence[PriceSource]:
    """Who is asked for a price, by name."""
    return session.scalars(select(PriceSource).where(PriceSource.pair == pair).order_by(PriceSource.name)).all()
